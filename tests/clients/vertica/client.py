"""Connects with the vendor's vertica-python, runs queries, and prints what came of it as one JSON object.

Everything comes from the environment, so that no password stands in a list of processes:
SIM_HOST, SIM_PORT, SIM_USER, SIM_PASSWORD, SIM_DATABASE, SIM_TOKEN, SIM_TLSMODE, SIM_CA, SIM_CERT,
SIM_KEY, SIM_LOAD_BALANCE, and SIM_QUERIES, one query a line.
"""

import json
import os
import re
import warnings

import vertica_python

OPTIONS = {
    "host": "SIM_HOST",
    "user": "SIM_USER",
    "password": "SIM_PASSWORD",
    "database": "SIM_DATABASE",
    "oauth_access_token": "SIM_TOKEN",
    "tlsmode": "SIM_TLSMODE",
    "tls_cafile": "SIM_CA",
    "tls_certfile": "SIM_CERT",
    "tls_keyfile": "SIM_KEY",
}


def sqlstate_of(error):
    """The SQLSTATE: an attribute of a failed query, but only words in the text of a failed login."""
    state = getattr(error, "sqlstate", None)
    if state is None:
        found = re.search(r"Sqlstate: (\w{5})", str(error))
        state = found.group(1) if found else None
    return state


def failure(error):
    return {"class": type(error).__name__, "sqlstate": sqlstate_of(error), "message": str(error)}


def main():
    options = {name: os.environ[key] for name, key in OPTIONS.items() if os.environ.get(key)}
    options["port"] = int(os.environ["SIM_PORT"])
    options["connection_timeout"] = 10
    options["connection_load_balance"] = os.environ.get("SIM_LOAD_BALANCE") == "1"
    result = {"version": vertica_python.__version__, "results": []}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with vertica_python.connect(**options) as connection:
                result["parameters"] = connection.parameters
                result["tls"] = connection.ssl()
                cursor = connection.cursor()
                for query in os.environ.get("SIM_QUERIES", "").splitlines():
                    try:
                        cursor.execute(query)
                        columns = [[column.name, column.type_name] for column in cursor.description]
                        result["results"].append({"columns": columns, "rows": cursor.fetchall()})
                    except vertica_python.errors.QueryError as error:
                        result["results"].append({"error": failure(error)})
        except Exception as error:
            result["error"] = failure(error)
    result["warnings"] = [str(warning.message) for warning in caught]
    print(json.dumps(result))


main()
