"""The command ``aiodockercloud``: daily use of a cloud, and its server.

``app`` has the list of commands, ``frame`` what all commands share: options, errors and
exit statuses. Each module of ``commands`` has commands of one purpose.
"""
