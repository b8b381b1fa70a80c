"""The upload button's half in Python; its browser's half is tested in a browser."""

from nn.lessons.picture_upload import PictureUpload


def test_observers_are_told_when_the_whole_file_is_there():
    """Once for each, also of the same file; content and name are there by then."""
    upload, seen = PictureUpload(), []
    upload.observe(lambda change: seen.append((upload.content, upload.name)), "number")
    for number in (1, 2):
        sent = {"content": memoryview(b"abc"), "name": "seven.png", "number": number}
        upload.set_state(sent)  # as it comes through the socket
    assert seen == [(b"abc", "seven.png")] * 2


def test_the_browsers_half_is_shipped_and_needs_no_network():
    """The script stands in the widget itself, and names no address."""
    script = PictureUpload()._esm
    assert "createImageBitmap" in script
    assert "//cdn" not in script
    assert "http" not in script
