"""What only the notebooks use: charts, experiments, measures of speed, widgets."""
