"""The packages of a wheel; all else is in pyproject.toml, which cannot both search for packages and rename some."""

from setuptools import find_packages, setup

analysis = [
    name.replace("analysis", "conself_analysis", 1) for name in find_packages(include=["analysis", "analysis.*"])
]

setup(
    packages=[*find_packages(include=["conself", "conself.*"]), "conself.conf", *analysis],
    package_dir={"conself.conf": "conf", "conself_analysis": "analysis"},
)
