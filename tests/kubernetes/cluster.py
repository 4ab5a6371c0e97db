"""A control plane of real Kubernetes binaries on loopback: etcd, API server, controllers, scheduler.

Law: nothing of it outlives its block; what it does is what the binaries do, and only what runs pods is a stand-in.
"""

import os
import secrets
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

#: Where `make test-kubernetes` puts what it builds; outside of the checkout.
BINARIES = Path(os.environ.get("KUBERNETES_BINARIES", Path.home() / ".cache" / "reconciler-kubernetes"))
#: What the jobs of a fleet need, and nothing that would take a node without a kubelet for dead.
CONTROLLERS = "job-controller,cronjob-controller,persistentvolume-binder-controller"
START_SECONDS = 120


class Kubernetes:
    """Talks to an API server as its administrator."""

    def __init__(self, url: str, token: str, kubeconfig: Path) -> None:
        self.kubeconfig = kubeconfig
        # The API server makes a certificate for itself, at every start another one.
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        headers = {"Authorization": f"Bearer {token}"}
        self._http = httpx.Client(base_url=url, verify=context, headers=headers, trust_env=False, timeout=30)

    def get(self, path: str) -> Any:
        return self._http.get(path).raise_for_status().json()

    def post(self, path: str, body: Any) -> Any:
        return self._http.post(path, json=body).raise_for_status().json()

    def patch(self, path: str, body: Any) -> Any:
        headers = {"Content-Type": "application/strategic-merge-patch+json"}
        return self._http.patch(path, json=body, headers=headers).raise_for_status().json()

    def delete(self, path: str) -> None:
        self._http.request("DELETE", path, json={"gracePeriodSeconds": 0}).raise_for_status()

    def ready(self) -> bool:
        try:
            return self._http.get("/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    def kubectl(self, *args: str) -> str:
        command = ["kubectl", "--kubeconfig", str(self.kubeconfig), *args]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@contextmanager
def control_plane(place: Path) -> Iterator[Kubernetes]:
    """Run a control plane that keeps everything below a directory."""
    token, port, store = secrets.token_urlsafe(), free_port(), free_port()
    (place / "tokens.csv").write_text(f"{token},admin,admin,system:masters\n")
    key, url = place / "service-accounts.key", f"https://127.0.0.1:{port}"
    subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
    kubeconfig = place / "kubeconfig"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: test\n"
        f"clusters: [{{name: test, cluster: {{server: '{url}', insecure-skip-tls-verify: true}}}}]\n"
        f"users: [{{name: admin, user: {{token: '{token}'}}}}]\n"
        "contexts: [{name: test, context: {cluster: test, user: admin}}]\n"
    )
    kubernetes = Kubernetes(url, token, kubeconfig)
    with ExitStack() as stack:
        etcd = f"http://127.0.0.1:{store}"
        stack.enter_context(
            running(
                place,
                "etcd",
                *("--data-dir", str(place / "etcd"), "--listen-client-urls", etcd, "--advertise-client-urls", etcd),
                *("--listen-peer-urls", f"http://127.0.0.1:{free_port()}", "--unsafe-no-fsync"),
            )
        )
        stack.enter_context(
            running(
                place,
                str(BINARIES / "kube-apiserver"),
                *("--etcd-servers", etcd, "--secure-port", str(port), "--bind-address", "127.0.0.1"),
                *("--cert-dir", str(place / "certificates"), "--token-auth-file", str(place / "tokens.csv")),
                *("--authorization-mode", "RBAC", "--service-account-issuer", "https://kubernetes.default.svc"),
                *("--service-account-key-file", str(key), "--service-account-signing-key-file", str(key)),
                *("--service-cluster-ip-range", "10.0.0.0/24"),
                # Pods have no service account, and the one node has no kubelet that would say that it is ready.
                *("--disable-admission-plugins", "ServiceAccount,TaintNodesByCondition"),
            )
        )
        wait_for("the API server", kubernetes.ready, START_SECONDS)
        for name, *more in (["kube-controller-manager", "--controllers", CONTROLLERS], ["kube-scheduler"]):
            options = ["--kubeconfig", str(kubeconfig), "--leader-elect=false", "--secure-port", str(free_port())]
            stack.enter_context(running(place, str(BINARIES / name), *options, *more))
        yield kubernetes


@contextmanager
def running(place: Path, *command: str) -> Iterator[None]:
    """Run a program as long as the block lasts; what it says is kept beside what it keeps."""
    with (place / f"{Path(command[0]).name}.log").open("wb") as log:
        program = subprocess.Popen(command, cwd=place, stdout=log, stderr=log)
        try:
            yield
        finally:
            program.terminate()
            try:
                program.wait(20)
            except subprocess.TimeoutExpired:
                program.kill()
                program.wait()


def wait_for(name: str, done: Any, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, f"{name} did not come in {seconds:g} s"
        time.sleep(0.2)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port
