"""Coming over from kohya's sd-scripts: its TOML files as a pixelpipe configuration."""
