"""The packages of a wheel; all else is in pyproject.toml, which cannot both search for packages and rename some."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["conself", "conself.*"]), "conself.conf", "conself_analysis"],
    package_dir={"conself.conf": "conf", "conself_analysis": "analysis"},
)
