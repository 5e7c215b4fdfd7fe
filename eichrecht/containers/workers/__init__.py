"""Programs that :mod:`eichrecht.containers.sandbox` runs in processes of their own.

Each is a file that imports nothing of this project, so that it starts fast and has nothing to lose.
"""
