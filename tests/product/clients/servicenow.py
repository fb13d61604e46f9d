"""Two public clients of ServiceNow on the sandbox: pysnow and aiosnow. Prints what they saw as JSON.

Arguments: the URL, a user name and its password.
"""

import asyncio
import json
import os
import sys
import tempfile

import aiosnow
import pysnow
from aiosnow.models.table.declared import IncidentModel

url, user, password = sys.argv[1:4]
host = url.removeprefix("http://")
seen = {}


def with_pysnow():
    client = pysnow.Client(host=host, user=user, password=password, use_ssl=False)
    # A resource of pysnow keeps the fields it was once asked for.
    narrow = client.resource(api_path="/table/incident")
    seen["one"] = narrow.get(query={"number": "INC0010001"}, fields=["number", "state"]).one()
    incidents = client.resource(api_path="/table/incident")
    made = incidents.create(payload={"short_description": "From another client", "impact": "2"}).one()
    seen["made"] = [made["number"], made["short_description"], made["priority"]]
    wanted = {"sys_id": made["sys_id"]}
    seen["changed"] = incidents.update(query=wanted, payload={"state": "2"}).one()["state"]
    active = pysnow.QueryBuilder().field("active").equals("true").AND().field("number").order_descending()
    seen["latest"] = [row["number"] for row in incidents.get(query=active, limit=2, stream=True).all()]
    seen["page"] = len(incidents.get(query={}, limit=25, offset=5).all())
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "note.txt")
        with open(path, "w", encoding="utf-8") as file:
            file.write("hello")
        incidents.attachments.upload(sys_id=made["sys_id"], file_path=path)
    seen["files"] = [file["file_name"] for file in incidents.attachments.get(sys_id=made["sys_id"])]
    seen["deleted"] = incidents.delete(query=wanted)["status"]
    try:
        incidents.get(query={"number": "INC9999999"}).one()
    except pysnow.exceptions.NoResults:
        seen["nothing"] = "no results"


async def with_aiosnow():
    client = aiosnow.Client(host, basic_auth=(user, password), use_ssl=False)
    async with IncidentModel(client, table_name="incident") as incidents:
        found = await incidents.get_one(IncidentModel.number == "INC0010001")
        seen["async_one"] = found["number"]
        made = await incidents.create({"short_description": "From a third", "impact": 3, "urgency": 3})
        changed = await incidents.update(made["sys_id"], {"impact": 2, "urgency": 1})
        seen["async_changed"] = [made["number"] == changed["number"], changed["priority"].key]
        seen["async_count"] = len((await incidents.get(IncidentModel.number.starts_with("INC001"), limit=10)).data)
        deleted = await incidents.delete(made["sys_id"])
        seen["async_deleted"] = deleted.status


with_pysnow()
asyncio.run(with_aiosnow())
print(json.dumps(seen, default=str))
