"""Models: the packaged base, DSI models trained by recipe or loaded from a folder, and the store that keeps them whole.

`catalogue` names what can be trained; a new model is an entry there, a new architecture a loader beside `t5`.
"""
