"""``python -m flashcrash_core`` is the ``flashcrash`` command."""

from flashcrash_core.cli.main import main

if __name__ == "__main__":
    main()
