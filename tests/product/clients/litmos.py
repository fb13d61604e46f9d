"""Litmos on the sandbox as its own documents describe it, with nothing but Python's library: XML by nature, JSON when
asked for. No public client of Litmos is to be had from a package registry; what two of them send is sent here.
Prints what was seen as JSON.

Arguments: the URL, and an API key.
"""

import json
import sys
import urllib.error
import urllib.request
import xml.etree.ElementTree as ElementTree

base, key = sys.argv[1:3]
seen = {}


def call(method, path, body=None, kind=None, query=""):
    headers = {"apikey": key}
    if kind:
        headers["Content-Type"] = kind
    request = urllib.request.Request(
        f"{base}{path}?source=other-client{query}", data=body, headers=headers, method=method
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, answer.reason, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.reason, error.read().decode()


def xml(method, path, body=None, query=""):
    status, reason, text = call(method, path, body and body.encode(), "application/xml", query)
    return status, reason, ElementTree.fromstring(text) if text else None


def js(method, path, body=None, query=""):
    body = None if body is None else json.dumps(body).encode()
    status, reason, text = call(method, path, body, "application/json", "&format=json" + query)
    return status, reason, json.loads(text) if text else None


# As a typed XML client reads it: a page object.
_, _, page = xml("GET", "/users/paginated", query="&limit=5")
seen["page"] = [page.tag, int(page.findtext("Pagination/BatchSize")), len(page.findall("Items/User"))]
total = int(page.findtext("Pagination/TotalCount"))

# As a client that reads until an empty page.
users, start = [], 0
while True:
    _, _, rows = js("GET", "/users", query=f"&limit=50&start={start}")
    if not rows:
        break
    users += rows
    start += 50
seen["all"] = [len(users) == total, len({user["Id"] for user in users}) == total]

person = {"UserName": "grace@example.test", "FirstName": "Grace", "LastName": "Noor", "Email": "grace@example.test"}
status, _, made = js("POST", "/users", person)
seen["made"] = [status, made["FullName"], made["Password"], made["LastLogin"]]
seen["again"] = js("POST", "/users", person)[:2]
_, _, shown = xml("GET", f"/users/{made['Id']}")
order = [element.tag for element in shown]
seen["order"] = [order[:4], order.index("CustomField3") + 1 == order.index("Culture")]
seen["nil"] = shown.find("SalesforceId").get("{http://www.w3.org/2001/XMLSchema-instance}nil")

_, _, courses = xml("GET", "/courses", query="&search=SAFETY-101")
course = courses.findtext("Course/Id")
body = f"<Courses><Course><Id>{course}</Id></Course><Course><Id>none</Id></Course></Courses>"
seen["assigned"] = xml("POST", f"/users/{made['Id']}/courses", body)[0]
_, _, held = xml("GET", f"/users/{made['Id']}/courses")
assigned = held.findtext("Course/AssignedDate")
seen["held"] = [held.findtext("Course/Code"), len(assigned), assigned.endswith("Z")]
_, _, held = js("GET", f"/users/{made['Id']}/courses")
seen["typed"] = held[0]["AssignedDate"].startswith("/Date(")
seen["bad_date"] = call(
    "PUT", "/results/modules/x", b'{"CourseId":"c","UserId":"u","Completed":true,"UpdatedAt":"2026-01-31"}',
    "application/json", "&format=json",
)[0]
seen["deleted"] = js("DELETE", f"/users/{made['Id']}")[0]
seen["gone"] = js("GET", f"/users/{made['Id']}")[0]
print(json.dumps(seen))
