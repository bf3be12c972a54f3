"""Replacing what parts of the decoder write into the residual stream, and ranking the documents again.

`sites` says where, `patch` with what, `circuit` which sets of places the paper replaces, `sweep` does it for
many interventions and queries at once. `reference` is the obvious way (forward hooks on the Hugging Face
module), `engine` the fast one; they agree, and tests hold them to it. `encoder_swap` replaces the encoder
instead. A new kind of replacement is a value in `patch` and a line in `values`; a new experiment is a
function in `circuit`.
"""
