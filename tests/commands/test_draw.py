"""``fastnn draw`` as a process: the address that it prints works, Ctrl-C ends it, what cannot be is one line."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import urllib.request
from pathlib import Path
from typing import Any

import fastnn
import numpy as np
import pytest
from fastnn import nn
from job_runs import Outcome, argv_of, call, environment, refused


def draw(*words: Any) -> Outcome:
    return call(*words, module="fastnn.commands.draw")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    fastnn.Network(784, 8, 10).save(tmp_path / "m.pth", classes=list("0123456789"), preparation="mnist")
    return tmp_path / "m.pth"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_from_start_to_end(model: Path, number: int) -> None:
    words = argv_of("fastnn", ["draw", model, "--no-browser"])
    with subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as job:
        line = job.stdout.readline()
        found = re.fullmatch(r"draw on (http://127\.0\.0\.1:\d+/)#(\S+) \(Ctrl-C ends it\)\n", line)
        assert found, line + job.stderr.read()
        page = urllib.request.urlopen(found[1], timeout=20)
        assert b"<canvas" in page.read()
        asked = urllib.request.Request(f"{found[1]}see", bytes(256 * 256), {"X-Fastnn-Token": found[2]})
        assert len(json.load(urllib.request.urlopen(asked, timeout=20))["values"]) == 10
        job.send_signal(number)
        assert job.wait(20) == 128 + number
        assert job.stderr.read().count("\n") == 1  # what is assumed of this model's pixels


class TestRefused:
    def test_a_port_that_is_taken(self, model: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            outcome = draw(model, "--port", port, "--no-browser")
        assert outcome.code == 2 and f"port {port} cannot be had: Address already in use" in outcome.err

    def test_no_port(self, model: Path) -> None:
        refused(draw(model, "--port", 65536), "--port 65536 is no port")

    def test_no_model(self, tmp_path: Path) -> None:
        refused(draw(tmp_path / "m.pth"), "m.pth")

    def test_a_network_of_no_images(self, tmp_path: Path) -> None:
        fastnn.Network(7, 2).save(tmp_path / "m.pth")
        refused(draw(tmp_path / "m.pth"), "takes 7 numbers, which are no image")

    def test_a_network_that_does_not_take_what_its_file_says(self, tmp_path: Path) -> None:
        network = fastnn.Network(nn.Flatten(), nn.Linear(64, 10))
        network.save(tmp_path / "m.pth", output_size=10)
        network = fastnn.Network(nn.Flatten(), nn.Linear(64, 10))
        network(fastnn.Tensor(np.zeros((1, 1, 8, 8), np.float32)))
        network.save(tmp_path / "m.pth", input_shape=(1, 9, 9), output_size=10)
        outcome = draw(tmp_path / "m.pth", "--no-browser")
        assert outcome.code == 2 and "does not take images (1, 9, 9), as described" in outcome.err
