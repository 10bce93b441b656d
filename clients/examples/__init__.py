"""Small programs on the client, each whole: copy one and change it. `python -m affetto.clients.examples.NAME`."""
