# SPDX-License-Identifier: Apache-2.0
"""A framework on pymesos that runs one long task and follows the leading master wherever it goes.

Usage: pymesos_service.py <zk://... or host:port>
Prints "registered ID", "reregistered", "TASK STATE" and "agent lost"; for each line that it reads it asks for
reconciliation. Ends when its input does.
"""
import getpass
import sys
import uuid

from addict import Dict
from pymesos import MesosSchedulerDriver, Scheduler


class Service(Scheduler):
    task_id = None

    def registered(self, driver, framework_id, master_info):
        # pymesos says this of each subscription that has no other framework id than before, too.
        print("registered", framework_id.value, flush=True)

    def reregistered(self, driver, master_info):
        print("reregistered", flush=True)

    def resourceOffers(self, driver, offers):
        for offer in offers:
            if self.task_id:
                driver.declineOffer(offer.id, {"refuse_seconds": 1})
                continue
            task = Dict()
            self.task_id = task.task_id.value = str(uuid.uuid4())
            task.agent_id.value = offer.agent_id.value
            task.name = "service"
            task.command.value = "sleep 1000"
            task.resources = [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 0.1}},
                              {"name": "mem", "type": "SCALAR", "scalar": {"value": 32}}]
            driver.launchTasks(offer.id, [task])

    def statusUpdate(self, driver, update):
        print(update.task_id.value, update.state, flush=True)

    def slaveLost(self, driver, agent_id):
        print("agent lost", flush=True)


def main(master):
    framework = Dict(user=getpass.getuser(), name="pymesos-service", failover_timeout=3600)
    service = Service()
    driver = MesosSchedulerDriver(service, framework, master, use_addict=True)
    driver.start()
    for _ in sys.stdin:
        driver.reconcileTasks([{"task_id": {"value": service.task_id}}])
    driver.stop()
    driver.join()


if __name__ == "__main__":
    main(sys.argv[1])
