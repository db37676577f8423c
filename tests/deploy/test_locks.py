"""Lock files have hashes of all packages."""

import json
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_every_python_package_has_a_hash_for_each_of_its_files() -> None:
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    bought = [one for one in packages if "registry" in one["source"]]
    assert len(bought) > 50
    assert [one["name"] for one in packages if one not in bought and not one["source"].keys() & OURS] == []
    files = [
        (one["name"], file) for one in bought for file in [*one.get("wheels", []), one.get("sdist")] if file
    ]
    assert [name for name, file in files if not file["hash"].startswith("sha256:")] == []


OURS = {"editable", "virtual"}


@pytest.mark.parametrize("folder", ["frontend", "bench/fanout/peers"])
def test_every_npm_package_has_a_hash(folder: str) -> None:
    packages = json.loads((ROOT / folder / "package-lock.json").read_text())["packages"]
    bought = {path: one for path, one in packages.items() if path and not one.get("link")}
    assert bought
    assert [path for path, one in bought.items() if not one.get("integrity", "").startswith("sha512-")] == []
