"""From a model to a trained model: the loop, what it trains on, what it reports and what it leaves in files.

network.py     Network: fit, evaluate, predict       trainer.py      Trainer: epochs, validation, position
feed.py        data as two arrays                    batches.py      what a fit trains on: a feed, or a loader
engines.py     plan and eager: two ways to run steps callbacks.py    what hears of steps and epochs
history.py     metrics by epoch                      metrics.py      accuracy
recipes.py     settings that go together             console.py      lines, bars
checkpoint.py  the training state in a file          model_files.py  models in files
structure.py   what a network is made of, as data    chain.py        dense layers in a file's tensors
preparation.py any image as a network takes it       tensorboard_log.py  event files while training
"""
