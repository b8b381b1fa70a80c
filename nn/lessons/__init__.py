"""What the notebooks lean on beside the network: charts, measurements, a drawing pad."""
