"""What the tests of Tutum v1 share."""

from __future__ import annotations

import re

UUID = "7eaf7fff-882c-4f3d-9a8f-a22317ac00ce"
ACTION_URI = re.compile(r"/api/v1/action/[0-9a-f-]{36}/")
