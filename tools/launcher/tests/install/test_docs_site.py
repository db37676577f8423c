"""The documentation: built as `up` builds it, with nothing from another host, and put next to the page."""

import asyncio
import os
import re
import shutil
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest

from opsroom_launcher.install.docs_site import SITE, SiteError, build_command, finish, install, is_current

REPOSITORY = Path(__file__).parents[4]
BUILD_SECONDS = 120


async def test_the_documentation_loads_nothing_from_elsewhere_and_has_no_inline_code(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "docs", tmp_path / "docs")
    shutil.copy(REPOSITORY / "zensical.toml", tmp_path)
    page = tmp_path / "page"
    (page / "docs").mkdir(parents=True)
    (page / "docs" / "index.html").write_text("the placeholder")
    assert not is_current(tmp_path, page)
    # A proxy that does not exist: the build must not use the network.
    nowhere = dict.fromkeys(
        ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9"
    )
    build = await asyncio.create_subprocess_exec(
        *build_command(Path(sys.executable)),
        cwd=tmp_path,
        env=os.environ | nowhere,
        stdout=PIPE,
        stderr=STDOUT,
    )
    output, _ = await asyncio.wait_for(build.communicate(), BUILD_SECONDS)
    assert build.returncode == 0, output.decode()
    finish(tmp_path / SITE)
    finish(tmp_path / SITE)  # a second run changes nothing
    install(tmp_path / SITE, page)
    assert is_current(tmp_path, page)
    pages = list((page / "docs").rglob("*.html"))
    assert len(pages) > 50
    for file in pages:
        text = file.read_text()
        scripts = re.findall(r"<script([^>]*)>", text)
        assert scripts
        assert all("src=" in script or "application/json" in script for script in scripts), file
        assert not re.search(r"<(script|img|link)[^>]*(src|href)=.?(https?:)?//", text), file
        assert text.count("Content-Security-Policy") == 1
        for script in re.findall(r"<script src=\"(?!/)([^\"]+)\"", text):
            assert (file.parent / script).is_file(), (file, script)
    styles = "".join(file.read_text() for file in (page / "docs").rglob("*.css"))
    assert not re.search(r"url\([\"']?(https?:)?//|@import", styles)


@pytest.mark.parametrize(
    ("html", "complaint"),
    [
        ('<head><link rel="stylesheet" href="https://fonts.example/css">', "loads https://fonts.example/css"),
        ("<head></head><script src=//cdn.example/x.js></script>", "loads //cdn.example/x.js"),
        ("<head><style>b{}</style>", "inline styles"),
        ('<head></head><p style="color: red">', "inline styles"),
    ],
)
def test_what_the_policy_would_forbid_is_an_error(tmp_path: Path, html: str, complaint: str) -> None:
    (tmp_path / "index.html").write_text(html)
    with pytest.raises(SiteError, match=complaint):
        finish(tmp_path)
