"""Layers, losses and their base classes, under PyTorch's names."""

from fastnn.nn import functional, init
from fastnn.nn.activation import LeakyReLU, LogSoftmax, ReLU, Sigmoid, Softmax, Tanh
from fastnn.nn.batch_norm import BatchNorm1d, BatchNorm2d
from fastnn.nn.container import Sequential
from fastnn.nn.convolution import Conv2d
from fastnn.nn.dropout import Dropout
from fastnn.nn.flatten import Flatten
from fastnn.nn.linear import Identity, Linear
from fastnn.nn.losses import BCEWithLogitsLoss, CrossEntropyLoss, MSELoss, NLLLoss
from fastnn.nn.module import Module
from fastnn.nn.parameter import Parameter
from fastnn.nn.pooling import AdaptiveAvgPool2d, AvgPool2d, MaxPool2d

__all__ = [
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv2d",
    "CrossEntropyLoss",
    "Dropout",
    "Flatten",
    "Identity",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "MaxPool2d",
    "Module",
    "NLLLoss",
    "Parameter",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Tanh",
    "functional",
    "init",
]
