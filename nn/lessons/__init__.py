"""Code that only the notebooks use: charts, experiments, measurements of speed, widgets."""
