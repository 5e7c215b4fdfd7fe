"""``python -m eichrecht``: the command line."""

from eichrecht.cli import main

if __name__ == "__main__":
    main()
