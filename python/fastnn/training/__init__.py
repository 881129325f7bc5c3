"""From a model to a trained model: the loop, what it trains on, what it reports and what it leaves in files.

network.py     Network: fit, evaluate, predict       trainer.py      Trainer: epochs, validation, position
feed.py        data as two arrays                    engines.py      plan and eager: two ways to run a step
callbacks.py   what hears of steps and epochs        history.py      metrics by epoch
metrics.py     accuracy                              recipes.py      settings that go together
checkpoint.py  the training state in a file          model_files.py  models in files
console.py     lines, bars                           tensorboard_log.py  event files while training
"""
