"""A custom executor by hand: does what a task's data says (finish, wait, die); echoes messages."""
import base64
import http.client
import json
import os
import signal
import sys
import threading
import time
import uuid

import mesos

HOST, PORT = os.environ["MESOS_AGENT_ENDPOINT"].rsplit(":", 1)
HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}
if "MESOS_EXECUTOR_AUTHENTICATION_TOKEN" in os.environ:
    HEADERS["Authorization"] = "Bearer " + os.environ["MESOS_EXECUTOR_AUTHENTICATION_TOKEN"]
IDS = {
    "framework_id": {"value": os.environ["MESOS_FRAMEWORK_ID"]},
    "executor_id": {"value": os.environ["MESOS_EXECUTOR_ID"]},
}


def call(kind, **body):
    status, text, _ = mesos.post(HOST, int(PORT), "/api/v1/executor", {"type": kind, **IDS, kind.lower(): body}, HEADERS)
    assert status == 202, (status, text)


def update(task_id, state, **more):
    call("UPDATE", status={
        "task_id": task_id, "state": state, "source": "SOURCE_EXECUTOR", "timestamp": time.time(),
        "uuid": base64.b64encode(uuid.uuid4().bytes).decode(), **more})


def launch(task):
    what = base64.b64decode(task["data"]).decode()
    update(task["task_id"], "TASK_RUNNING")
    if what == "finish":
        update(task["task_id"], "TASK_FINISHED", message="done")
    elif what == "die":
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGKILL)


def main():
    connection = http.client.HTTPConnection(HOST, int(PORT))
    subscribe = {"type": "SUBSCRIBE", **IDS, "subscribe": {"unacknowledged_tasks": [], "unacknowledged_updates": []}}
    connection.request("POST", "/api/v1/executor", json.dumps(subscribe), HEADERS)
    response = connection.getresponse()
    assert response.status == 200, response.read()
    for record in mesos.read_records(response):
        event = json.loads(record)
        if event["type"] == "LAUNCH":
            threading.Thread(target=launch, args=(event["launch"]["task"],), daemon=True).start()
        elif event["type"] == "KILL":
            update(event["kill"]["task_id"], "TASK_KILLED")
        elif event["type"] == "MESSAGE":
            call("MESSAGE", data=mesos.encode(b"echo " + base64.b64decode(event["message"]["data"])))
        elif event["type"] == "SHUTDOWN":
            sys.exit(0)


if __name__ == "__main__":
    main()
