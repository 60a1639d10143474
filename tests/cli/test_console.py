from crmml.cli.console import say, status


def test_paragraphs_stand_under_their_heading(capsys):
    say("What was found", "One.", "Two.")
    assert capsys.readouterr().out == "\nWhat was found\n  One.\n  Two.\n"


def test_away_from_a_terminal_progress_says_nothing(capsys):
    for quiet in (True, False):
        with status("Fitting", quiet) as on_step:
            on_step("Scoring")
    out = capsys.readouterr()
    assert (out.out, out.err) == ("", "")
