"""The simulator's command line: what it says of ports that cannot be used."""

from __future__ import annotations

import socket

import pytest

from micore.simulator.__main__ import main


def test_a_port_that_is_taken_is_named_with_its_option(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main(["--ozon-port", "0", "--wildberries-port", str(port)]) == 2
    said = capsys.readouterr()
    assert said.err == (
        f"simulator: port {port} on 127.0.0.1 is in use by another program; "
        "choose another with --wildberries-port, 0 for a free one\n"
    )
    assert "http://" not in said.out


def test_two_equal_ports_are_refused_before_anything_is_promised(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--ozon-port", "9555", "--wildberries-port", "9555"]) == 2
    said = capsys.readouterr()
    assert "--ozon-port and --wildberries-port are both 9555" in said.err
    assert said.out == ""
