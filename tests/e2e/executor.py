# SPDX-License-Identifier: Apache-2.0
"""A custom executor by hand: does what a task's data says (finish, wait, die); echoes messages. If its framework is
checkpointed it outlives its agent and subscribes again until the next one is there."""
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
CHECKPOINT = os.environ["MESOS_CHECKPOINT"] == "1"
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


tasks = {}  # Whose first status was not acknowledged.
updates = {}  # By uuid.


def update(task_id, state, **more):
    status = {
        "task_id": task_id, "state": state, "source": "SOURCE_EXECUTOR", "timestamp": time.time(),
        "uuid": base64.b64encode(uuid.uuid4().bytes).decode(), **more}
    updates[status["uuid"]] = {"status": status}
    try:
        call("UPDATE", status=status)
    except (OSError, http.client.HTTPException):
        if not CHECKPOINT:
            raise  # Otherwise the next subscription tells it.


def launch(task):
    what = base64.b64decode(task["data"]).decode()
    update(task["task_id"], "TASK_RUNNING")
    if what == "finish":
        update(task["task_id"], "TASK_FINISHED", message="done")
    elif what == "die":
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGKILL)


def serve():
    """Until the stream ends."""
    connection = http.client.HTTPConnection(HOST, int(PORT))
    subscribe = {"type": "SUBSCRIBE", **IDS, "subscribe": {
        "unacknowledged_tasks": list(tasks.values()), "unacknowledged_updates": list(updates.values())}}
    connection.request("POST", "/api/v1/executor", json.dumps(subscribe), HEADERS)
    response = connection.getresponse()
    if CHECKPOINT and response.status == 503:
        return  # It has not finished recovery.
    assert response.status == 200, response.read()
    for record in mesos.read_records(response):
        event = json.loads(record)
        if event["type"] == "LAUNCH":
            tasks[event["launch"]["task"]["task_id"]["value"]] = event["launch"]["task"]
            threading.Thread(target=launch, args=(event["launch"]["task"],), daemon=True).start()
        elif event["type"] == "ACKNOWLEDGED":
            updates.pop(event["acknowledged"]["uuid"], None)
            tasks.pop(event["acknowledged"]["task_id"]["value"], None)
        elif event["type"] == "KILL":
            update(event["kill"]["task_id"], "TASK_KILLED")
        elif event["type"] == "MESSAGE":
            call("MESSAGE", data=mesos.encode(b"echo " + base64.b64decode(event["message"]["data"])))
        elif event["type"] == "SHUTDOWN":
            sys.exit(0)


def main():
    while CHECKPOINT:
        try:
            serve()
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.05)
    serve()


if __name__ == "__main__":
    main()
