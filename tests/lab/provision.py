#!/usr/bin/python3
"""Makes the directory of the lab's domain controller, offline, in one process.

Usage: provision.py SMB_CONF SCHEMA RECYCLE_BIN(yes|no)
       with GWB_LAB_DIR, GWB_LAB_REALM, GWB_LAB_PASSWORD, GWB_LAB_ADMIN_PASSWORD set.

It calls Samba's function instead of "samba-tool domain provision", because the
function can skip the file permissions of sysvol, which need real root, and can
work in one batch, which takes half the time.
"""

import logging
import os
import sys
import time
from inspect import signature

from samba.auth import system_session
from samba.dsdb import DS_DOMAIN_FUNCTION_2008_R2
from samba.param import LoadParm
from samba.provision import provision
from samba.samdb import SamDB

import content
import exchange
import schema


def main(smb_conf, level, recycle_bin):
    logging.basicConfig(level=logging.WARNING)
    settings = LoadParm()
    started = time.monotonic()

    def step(name):
        nonlocal started
        now = time.monotonic()
        print(f"{name} {now - started:.1f} s", flush=True)
        started = now

    # By default newer releases of Samba raise the forest to the level of Windows Server 2016.
    newer = {"adprep_level": None} if "adprep_level" in signature(provision).parameters else {}
    made = provision(
        logging.getLogger(), system_session(),
        targetdir=os.path.dirname(os.path.dirname(smb_conf)),
        realm=os.environ["GWB_LAB_REALM"], domain="CONTOSO",
        hostname="dc1", hostip="127.0.0.1",
        adminpass=os.environ["GWB_LAB_ADMIN_PASSWORD"],
        serverrole="active directory domain controller", dns_backend="NONE",
        base_schema="2012_R2", dom_for_fun_level=DS_DOMAIN_FUNCTION_2008_R2,
        lp=settings, skip_sysvolacl=True, batch_mode=True, **newer)
    step("provision")

    def open_directory():
        return SamDB(url=made.paths.samdb, session_info=system_session(), lp=settings)

    # A connection keeps the schema that it read when it was opened, so each step opens a new one.
    for extend in schema.STEPS:
        extend(open_directory(), level)
    step("schema")
    directory = open_directory()
    if level == "exchange":
        exchange.add_organization(directory)
    content.fill(directory, os.environ["GWB_LAB_PASSWORD"], recycle_bin == "yes")
    content.write_users(directory, os.path.join(os.environ["GWB_LAB_DIR"], "users.json"))
    step("content")


if __name__ == "__main__":
    main(*sys.argv[1:])
