"""Trained heads of the small appraiser; README.md says of what and how."""
