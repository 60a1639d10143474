import io
import sys

from crmml.progress import tracked


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_steps_come_through_and_no_bar_is_drawn_without_a_terminal(capsys):
    assert list(tracked(iter("abc"), "Reading", total=3)) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")


def test_a_terminal_sees_a_bar_on_standard_error_only(monkeypatch, capsys):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert list(tracked(iter("abc"), "Reading", total=3)) == ["a", "b", "c"]
    assert "Reading" in terminal.getvalue()
    assert capsys.readouterr().out == ""
