# SPDX-License-Identifier: Apache-2.0
"""A framework on pymesos: launches tasks on its own executor, sees them finish, exchanges a message with it.

Usage: pymesos_scheduler.py <master host:port> <tasks>
Exits with 0 when all tasks have finished and each has answered a message.
"""
import getpass
import os
import sys
import threading
import uuid

from addict import Dict
from pymesos import MesosSchedulerDriver, Scheduler, decode_data, encode_data

EXECUTOR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "pymesos_executor.py")


def scalar(name, value):
    return {"name": name, "type": "SCALAR", "scalar": {"value": value}}


class Tasks(Scheduler):
    def __init__(self, wanted):
        self.wanted = wanted
        self.launched, self.finished, self.greeted = set(), set(), set()
        self.failure = None
        self.done = threading.Event()

    def registered(self, driver, framework_id, master_info):
        print("registered", framework_id.value, flush=True)

    def resourceOffers(self, driver, offers):
        for offer in offers:
            cpus = sum(r.scalar.value for r in offer.resources if r.name == "cpus")
            if len(self.launched) == self.wanted or cpus < 0.3:
                driver.declineOffer(offer.id, {"refuse_seconds": 1})
                continue
            task = Dict()
            task.task_id.value = str(uuid.uuid4())
            task.agent_id.value = offer.agent_id.value
            task.name = "task"
            task.executor.executor_id.value = "pymesos-executor"
            task.executor.name = "pymesos-executor"
            task.executor.command.value = f"{sys.executable} {EXECUTOR}"
            task.executor.resources = [scalar("cpus", 0.1), scalar("mem", 32)]
            task.data = encode_data(task.task_id.value.encode())
            task.resources = [scalar("cpus", 0.1), scalar("mem", 32)]
            self.launched.add(task.task_id.value)
            driver.launchTasks(offer.id, [task], {"refuse_seconds": 1})

    def statusUpdate(self, driver, update):
        print(update.task_id.value, update.state, update.message or "", flush=True)
        task_id = update.task_id.value
        if update.state == "TASK_RUNNING":
            executor_id = Dict(value="pymesos-executor")
            driver.sendFrameworkMessage(executor_id, update.agent_id, encode_data(task_id.encode()))
        elif update.state == "TASK_FINISHED":
            self.finished.add(task_id)
            self.check()
        elif update.state != "TASK_STARTING":
            self.fail(f"{task_id} became {update.state}: {update.message}")

    def frameworkMessage(self, driver, executor_id, agent_id, message):
        self.greeted.add(decode_data(message).decode())
        self.check()

    def error(self, driver, message):
        self.fail(f"error: {message}")

    def check(self):
        if len(self.finished) == self.wanted and self.greeted == self.launched:
            self.done.set()

    def fail(self, why):
        self.failure = why
        self.done.set()


def main(master, wanted):
    framework = Dict(user=getpass.getuser(), name="pymesos-conformance")
    scheduler = Tasks(wanted)
    driver = MesosSchedulerDriver(scheduler, framework, master, use_addict=True)
    driver.start()
    ended = scheduler.done.wait(90)
    driver.stop()
    driver.join()
    if not ended:
        sys.exit(f"finished {len(scheduler.finished)} of {wanted}, greeted {len(scheduler.greeted)}")
    if scheduler.failure:
        sys.exit(scheduler.failure)
    print(f"{wanted} tasks finished", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
