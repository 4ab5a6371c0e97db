"""An embedded JMAP server that answers as the configuration API of Stalwart 0.16.19 does.

Law: independent of the client's side, so that the two cannot share a mistake: it knows the catalogue and the
expression language, and nothing of codec, diff, jmap or plan.

`serve` runs it in a thread for tests, `run` for the command line, and `Sandbox.handle` answers within the process:

    def transport(request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode()
        try:
            reply = sandbox.handle(request.method, path, request.headers, request.content)
        except Dropped:
            raise httpx.RemoteProtocolError("closed", request=request) from None
        return httpx.Response(reply.status, headers=reply.headers, content=reply.body)

    client = httpx.Client(transport=httpx.MockTransport(transport), base_url="http://sandbox")
"""

from reconciler.faces import face

__getattr__ = face(__name__)
