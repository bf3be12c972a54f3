"""Findings about generative retrieval models and retrieval heads, as measurements under intervention.

`corpora` holds documents and queries, `models` what is trained or loaded, `interventions` what is replaced, `readouts` what is
measured, `statistics` what may be concluded, `report` what people see. Imports run in that order, never back.
"""
