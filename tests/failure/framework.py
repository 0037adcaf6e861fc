# SPDX-License-Identifier: Apache-2.0
"""A framework of the v1 HTTP API that keeps some tasks running, whatever happens, and writes down all that it sees.

Usage: framework.py NAME DIRECTORY SEED MASTER...      (MASTER: host:port)

DIRECTORY/NAME.history gets a JSON object a line: what it sent (before it is sent) and what came. Each task writes into
DIRECTORY/tasks when it starts and before it ends. Once DIRECTORY/finish is there no more tasks are launched, and those
that wait for it end.
"""
import http.client
import json
import pathlib
import random
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import mesos  # noqa: E402

TERMINAL = mesos.TERMINAL | {"TASK_UNKNOWN"}
WANTED = 6
# Number of these that run until the end; the others are short.
LONG = 3
# The stream is silent for longer than its heartbeats (15 s).
SILENCE = 20
# A launch this old has arrived or never will: then it may be asked for.
SETTLED = 10


class Framework:
    def __init__(self, name, directory, seed, masters):
        self.name, self.directory, self.masters = name, directory, masters
        self.random = random.Random(f"{seed} {name}")
        self.lock = threading.Lock()  # Over all below: the stream's thread and the reconciler's.
        self.history = open(directory / f"{name}.history", "a", buffering=1)
        self.id = None
        self.master = None
        self.stream = None
        self.tasks = {}  # Those that have not ended: when they were launched.
        self.long = set()  # Those of them that run until the end.
        self.seen = set()  # The uuids of updates.
        self.count = 0

    def record(self, what, **more):
        self.history.write(json.dumps({"time": time.time(), "what": what, **more}) + "\n")

    @property
    def finishing(self):
        return (self.directory / "finish").exists()

    # --- Calls.

    def subscribe(self, master):
        """The response whose body is the stream; None if this master will not have us. A redirect is followed once."""
        call = {"type": "SUBSCRIBE", "subscribe": {"framework_info": {
            "user": "root", "name": self.name, "failover_timeout": 3600, "checkpoint": True,
            "capabilities": [{"type": "PARTITION_AWARE"}, {"type": "MULTI_ROLE"}], "roles": ["*"]}}}
        if self.id:
            call["framework_id"] = call["subscribe"]["framework_info"]["id"] = {"value": self.id}
        for _ in range(2):
            host, port = master.rsplit(":", 1)
            *_, response = mesos.open_stream(host, int(port), call, timeout=SILENCE)
            if response.status != 307:
                break
            master = urllib.parse.urlsplit(response.getheader("Location")).netloc
        if response.status != 200:
            self.record("refused", master=master, status=response.status, body=response.read().decode()[:200])
            return None
        with self.lock:
            self.master, self.stream = master, response.getheader("Mesos-Stream-Id")
        return response

    def call(self, kind, **body):
        """Whether the master took it."""
        call = {"type": kind, "framework_id": {"value": self.id}, **({kind.lower(): body} if body else {})}
        with self.lock:
            master, stream = self.master, self.stream
        host, port = master.rsplit(":", 1)
        try:
            status, _, _ = mesos.post(host, int(port), "/api/v1/scheduler", call, {"Mesos-Stream-Id": stream or ""},
                                      timeout=5)
        except (OSError, http.client.HTTPException):
            return False
        if status != 202:
            self.record("call refused", call=kind, master=master, status=status)
        return status == 202

    # --- Events.

    def run(self):
        threading.Thread(target=self.reconcile, daemon=True).start()
        turn = self.random.randrange(len(self.masters))
        while True:
            turn += 1
            try:
                response = self.subscribe(self.masters[turn % len(self.masters)])
                if response:
                    self.read(response)
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.record("disconnected", why=repr(error))
            time.sleep(0.3)

    def read(self, response):
        for record in mesos.read_records(response):
            self.on_event(json.loads(record))

    def on_event(self, event):
        kind = event["type"]
        if kind == "SUBSCRIBED":
            self.id = event["subscribed"]["framework_id"]["value"]
            self.record("subscribed", id=self.id, master=self.master)
        elif kind == "OFFERS":
            for offer in event["offers"]["offers"]:
                self.on_offer(offer)
        elif kind == "UPDATE":
            self.on_update(event["update"]["status"])
        elif kind == "ERROR":
            self.record("error", message=event["error"]["message"])

    def on_offer(self, offer):
        agent = offer["agent_id"]["value"]
        self.record("offer", agent=agent)
        with self.lock:
            wanted = len(self.tasks) < WANTED and not self.finishing
        if not wanted:
            self.call("DECLINE", offer_ids=[offer["id"]], filters={"refuse_seconds": 1})
            return
        self.count += 1
        task = f"{self.name}-{self.count}"
        log, finish = self.directory / "tasks", self.directory / "finish"
        with self.lock:
            self.tasks[task] = time.monotonic()
            stays = len(self.long) < LONG
            if stays:
                self.long.add(task)
        how_long = f"until [ -e {finish} ]; do sleep 0.2; done" if stays else "sleep 1"
        info = mesos.command_task(f"echo start {task} >> {log}; {how_long}; echo end {task} >> {log}", mem=16,
                                  task_id=task, agent_id=offer["agent_id"])
        self.record("launch", task=task, agent=agent)
        self.call("ACCEPT", offer_ids=[offer["id"]], filters={"refuse_seconds": 1},
                  operations=[{"type": "LAUNCH", "launch": {"task_infos": [info]}}])

    def on_update(self, status):
        task, state, uuid = status["task_id"]["value"], status["state"], status.get("uuid")
        self.record("update", task=task, state=state, uuid=uuid, reason=status.get("reason"))
        if state in TERMINAL:
            with self.lock:
                self.tasks.pop(task, None)
                self.long.discard(task)
        # Sometimes it forgets to: then the update must come again.
        forget = uuid not in self.seen and state in TERMINAL and self.random.random() < 0.3
        self.seen.add(uuid)
        if uuid and not forget and self.call("ACKNOWLEDGE", agent_id=status["agent_id"], task_id=status["task_id"],
                                             uuid=uuid):
            self.record("acknowledged", task=task, state=state, uuid=uuid)

    def reconcile(self):
        while True:
            time.sleep(3)
            now = time.monotonic()
            with self.lock:
                tasks = [task for task, launched in self.tasks.items() if now - launched > SETTLED]
            if tasks and self.id and self.stream:
                self.call("RECONCILE", tasks=[{"task_id": {"value": task}} for task in tasks])
            with self.lock:
                left = len(self.tasks)
            self.record("holds", tasks=left)


if __name__ == "__main__":
    Framework(sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3], sys.argv[4:]).run()
