"""Binds a unix datagram socket, as systemd does for its services, and prints each message that arrives as one line:
python3 receive-datagrams.py <path, or @ and a name>. Line feeds in a message are printed as a space. Prints "bound" first."""

import socket
import sys

address = sys.argv[1]
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind("\0" + address[1:] if address.startswith("@") else address)
print("bound", flush=True)
while True:
    # Descriptors that come with a message (BARRIER=1) are dropped by the kernel, which is what their sender waits for.
    print(" ".join(receiver.recv(4096).decode().split("\n")), flush=True)
