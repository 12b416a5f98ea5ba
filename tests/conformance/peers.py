"""The images that the suite's manifests name: made of programs in the cache, and known to the node by the names that the
manifests use, so that nothing is pulled."""

import re

import images
from processes import Failed


def image_of(reference):
    """The last part of an image's name, without its tag."""
    return re.sub(r"[:@].*", "", reference.rsplit("/", 1)[-1])


def peers(cache):
    """Image -> (files, entrypoint, user)."""

    def program(name):
        return (cache / name).read_bytes()

    return {
        "echo-basic": lambda: ({"echo-basic": program("echo-basic")}, ["/echo-basic"], "65532"),
        "echo-advanced": lambda: (
            {"usr/local/bin/server": program("echo-advanced"), "usr/local/bin/client": "server"},
            ["/usr/local/bin/server"],
            "65532",
        ),
        # A name server that only this pod is: see dns/main.go.
        "coredns": lambda: ({"dns": program("dns")}, ["/dns"], ""),
    }


def make(cache, references, folder):
    """Writes one archive an image, with all references to it, and returns them."""
    made, known = [], peers(cache)
    strange = sorted({image_of(r) for r in references} - set(known))
    if strange:
        raise Failed(f"the suite's manifests name images that nothing here stands for: {', '.join(strange)} (tests/conformance/peers.py)")
    folder.mkdir(parents=True, exist_ok=True)
    for image, content in known.items():
        names = [r for r in references if image_of(r) == image]
        files, entrypoint, user = content()
        path = folder / f"{image}.tar"
        path.write_bytes(images.archive(names, files, entrypoint, user))
        made.append(path)
    return made
