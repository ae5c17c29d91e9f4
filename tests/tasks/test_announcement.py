"""Keys of artifacts: what Prefect allows, and what its cards have room for."""

from tasks.announcement import artifact_key


def test_a_key_is_the_name_in_the_letters_that_prefect_allows():
    assert artifact_key("verdict", "512px_Simple-59e27993") == "verdict-512px-simple-59e27993"


def test_a_long_name_keeps_its_beginning_and_its_hash():
    name = "Hintergrundfarbenvereinheitlichung-Portraitsammlung-Winter-2026"
    first, second = (artifact_key("sheet", f"{name}-{digest}") for digest in ("59e27993", "59e27994"))
    assert first == "sheet-hintergrundfarbenvereinh-59e27993"
    assert second == "sheet-hintergrundfarbenvereinh-59e27994"
