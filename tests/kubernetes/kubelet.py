"""What runs pods in place of a kubelet: each container is a process of this machine, its volumes are directories.

Law: it decides nothing that a kubelet would not: it runs what was bound to its node, says what became of it, and
resolves mounts, secrets and fields as the pod's own manifest names them.
"""

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.kubernetes.cluster import Kubernetes
from tests.running import environment

NODE = "node-1"
PODS = "/api/v1/namespaces/default/pods"


class Kubelet:
    """Runs the pods of one node."""

    def __init__(self, kubernetes: Kubernetes, place: Path) -> None:
        self.kubernetes = kubernetes
        self.place = place
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        #: Exit codes of all containers that ended, by completion index.
        self.ended: dict[str, list[int]] = {}
        self._mounts: dict[str, dict[str, Path]] = {}
        self._told: set[str] = set()

    def register(self) -> None:
        """Make the node, which is ready for many pods."""
        self.kubernetes.post("/api/v1/nodes", {"metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE}}})
        holds = {"cpu": "64", "memory": "64Gi", "pods": "110"}
        status = {"capacity": holds, "allocatable": holds, "conditions": [{"type": "Ready", "status": "True"}]}
        self.kubernetes.patch(f"/api/v1/nodes/{NODE}/status", {"status": status})

    def look(self) -> None:
        """Start what was bound to the node, and tell what became of what runs."""
        for pod in self.kubernetes.get(f"{PODS}?fieldSelector=spec.nodeName={NODE}")["items"]:
            name = pod["metadata"]["name"]
            if name not in self.processes and pod["status"].get("phase") == "Pending":
                self._start(pod)
            process = self.processes.get(name)
            if process is not None and process.poll() is not None and name not in self._told:
                self._told.add(name)
                self._end(pod, process.returncode)
            if "deletionTimestamp" in pod["metadata"] and name in self._told:
                self.kubernetes.delete(f"{PODS}/{name}")

    def kill(self, index: str) -> bool:
        """Kill the running container of a completion index, as a machine short of memory does, if there is one."""
        for pod in self.kubernetes.get(PODS)["items"]:
            process = self.processes.get(pod["metadata"]["name"])
            if _index(pod) == index and process is not None and process.poll() is None:
                process.send_signal(signal.SIGKILL)
                return True
        return False

    def _start(self, pod: Mapping[str, Any]) -> None:
        name = pod["metadata"]["name"]
        (container,) = pod["spec"]["containers"]
        mounts = self._mounted(pod, container)
        place = self.place / "pods" / name / "work"
        place.mkdir(parents=True, exist_ok=True)
        arguments = [_inside(each, mounts) for each in container["args"]]
        variables = {each["name"]: _field(pod, each) for each in container.get("env", ())}
        env = {
            **{key: value for key, value in environment("").items() if not key.startswith(("STALWART_", "CI_"))},
            **variables,
            "XDG_RUNTIME_DIR": str(self.place),
        }
        del env["RECONCILER_JOURNAL"]
        command = [sys.executable, "-m", "reconciler", *arguments]
        with (self.place / "pods" / name / "log").open("wb") as log:
            process = subprocess.Popen(command, cwd=place, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.processes[name] = process
        self._status(name, "Running", {"running": {}})

    def _mounted(self, pod: Mapping[str, Any], container: Mapping[str, Any]) -> dict[str, Path]:
        """Make the directories of a pod's volumes; return where each mount path is on this machine."""
        name = pod["metadata"]["name"]
        volumes = {each["name"]: each for each in pod["spec"]["volumes"]}
        mounts: dict[str, Path] = {}
        for mount in container["volumeMounts"]:
            if "subPath" not in mount:
                mounts[mount["mountPath"]] = self._directory(name, volumes[mount["name"]])
        for mount in container["volumeMounts"]:
            if "subPath" in mount:
                text = self._files(volumes[mount["name"]])[mount["subPath"]]
                path = self.place / "pods" / name / mount["mountPath"].removeprefix("/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(_inside(text, mounts))
        return mounts

    def _directory(self, pod: str, volume: Mapping[str, Any]) -> Path:
        if "persistentVolumeClaim" in volume:
            directory = self.place / "claims" / str(volume["persistentVolumeClaim"]["claimName"])
            directory.mkdir(parents=True, exist_ok=True)
            return directory
        directory = self.place / "pods" / pod / "volumes" / str(volume["name"])
        directory.mkdir(parents=True)
        if "emptyDir" in volume:
            return directory
        # The real files are hidden, and links lead to them through one that is exchanged as a whole.
        hidden = directory / "..2026_11_28_04_00_00.1234567890"
        hidden.mkdir()
        (directory / "..data").symlink_to(hidden.name)
        for name, text in self._files(volume).items():
            (hidden / name).write_text(text)
            (directory / name).symlink_to(f"..data/{name}")
        return directory

    def _files(self, volume: Mapping[str, Any]) -> dict[str, str]:
        import base64

        if "secret" in volume:
            secret = self.kubernetes.get(f"/api/v1/namespaces/default/secrets/{volume['secret']['secretName']}")
            return {key: base64.b64decode(value).decode() for key, value in secret["data"].items()}
        found = self.kubernetes.get(f"/api/v1/namespaces/default/configmaps/{volume['configMap']['name']}")
        return dict(found["data"])

    def _end(self, pod: Mapping[str, Any], code: int) -> None:
        # What a signal ended counts as 128 and its number.
        code = 128 - code if code < 0 else code
        self.ended.setdefault(_index(pod), []).append(code)
        phase = "Failed" if code else "Succeeded"
        self._status(pod["metadata"]["name"], phase, {"terminated": {"exitCode": code}})

    def _status(self, pod: str, phase: str, state: Mapping[str, Any]) -> None:
        container = {"name": "reconciler", "state": state, "ready": phase == "Running", "restartCount": 0}
        container |= {"image": "registry.example.org/reconciler:0.1.0", "imageID": ""}
        self.kubernetes.patch(f"{PODS}/{pod}/status", {"status": {"phase": phase, "containerStatuses": [container]}})


@contextmanager
def kubelet(kubernetes: Kubernetes, place: Path) -> Iterator[Kubelet]:
    """Run pods as long as the block lasts."""
    found, done, failures = Kubelet(kubernetes, place), threading.Event(), list[BaseException]()
    found.register()

    def loop() -> None:
        try:
            while not done.wait(0.2):
                found.look()
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is raised where the block ends
            failures.append(error)

    thread = threading.Thread(target=loop, name="kubelet")
    thread.start()
    try:
        yield found
    finally:
        done.set()
        thread.join()
        for process in found.processes.values():
            process.kill()
            process.wait()
        if failures:
            raise failures[0]


def _index(pod: Mapping[str, Any]) -> str:
    return str(pod["metadata"].get("annotations", {}).get("batch.kubernetes.io/job-completion-index", ""))


def _field(pod: Mapping[str, Any], variable: Mapping[str, Any]) -> str:
    """Return the value of a variable: its own, or that of a label or annotation of the pod."""
    if "value" in variable:
        return str(variable["value"])
    path = variable["valueFrom"]["fieldRef"]["fieldPath"]
    member, _, key = path.removeprefix("metadata.").removesuffix("']").partition("['")
    return str(pod["metadata"][member][key])


def _inside(text: str, mounts: Mapping[str, Path]) -> str:
    """Replace the paths of mounts by where these are on this machine."""
    paths = "|".join(re.escape(path) for path in sorted(mounts, key=len, reverse=True))
    # In one go: what a path is replaced by may hold another one.
    return re.sub(rf"(?<![\w./-])({paths})(?![\w.-])", lambda match: str(mounts[match[1]]), text)
