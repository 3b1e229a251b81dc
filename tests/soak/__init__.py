"""Random runs under random faults, all drawn from a seed: what a scene is, how it is played, what must hold after it.

``make soak SEED=… RUNS=…`` plays that many runs; ``make soak SEED=… SCENE=…`` plays one scene of them alone.
"""
