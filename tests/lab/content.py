"""Fills the lab's directory with containers, accounts, permissions and synced users."""

import base64
import hashlib
import json
import pathlib
import uuid

import ldb
from samba.dcerpc import misc, security
from samba.ndr import ndr_pack, ndr_unpack

SYNCED_USERS = 40
# These users were synced by mS-DS-ConsistencyGuid, the others by objectGUID.
CONSISTENCY_GUID_USERS = range(31, 37)

# sAMAccountName and cn of users whose names need escaping somewhere:
# in a DN, in an LDAP filter, in LDIF or in a shell.
HOSTILE_USERS = [
    ("obrien", "O'Brien, Zoë"),
    ("plus", "#1 C++ \"Team\" <a>; x=y"),
    ("backslash", "back\\slash (and) * star"),
    ("emoji", "Жанна 日本 😀"),
]

GRANTED = pathlib.Path(__file__).with_name("granted-attributes.txt")
# Samba writes these when an object is restored, with the rights of whoever restores it. Windows
# does so by itself.
RESTORED_BY_SAMBA = ["adminCount", "isRecycled", "objectCategory", "operatorCount", "sAMAccountType"]

GROUP_CLASS = "bf967a9c-0de6-11d0-a285-00aa003049e2"
DELETED_OBJECTS = "18E2EA80684F11D2B9AA00C04F79F805"
RECYCLE_BIN = "766ddcd8-acd0-445e-f3b9-a7f9b6744f2a"

NORMAL_ACCOUNT = 0x200
ACCOUNT_DISABLED = 0x2
PASSWORD_NOT_REQUIRED = 0x20
GLOBAL_SECURITY_GROUP = -2147483646
DOMAIN_LOCAL_SECURITY_GROUP = -2147483644

NEVER = "-9223372036854775808"
MINUTES = -60 * 10**7


def fill(samdb, password, recycle_bin):
    """Adds all content to the provisioned domain. Every service account gets the password."""
    base = str(samdb.get_default_basedn())
    writeback, people = f"OU=Writeback,{base}", f"OU=People,{base}"

    if recycle_bin:
        _enable_recycle_bin(samdb)
    samdb.transaction_start()
    try:
        for unit in (writeback, f"OU=Other,{base}", people):
            samdb.add({"dn": unit, "objectClass": "organizationalUnit"})
        _add_people(samdb, people)
        for name, special in {
            "svc-gwb": {},
            "svc-gwb-deleted": {},
            "svc-none": {},
            "svc-locked": {},
            "svc-disabled": {"userAccountControl": str(NORMAL_ACCOUNT | ACCOUNT_DISABLED)},
            "svc-expired": {"accountExpires": "125911584000000000"},  # 2000-01-01
            "svc-mustchange": {"pwdLastSet": "0"},
        }.items():
            _add_account(samdb, f"CN={name},CN=Users,{base}", name, password, special)
        _add_lockout_policy(samdb, base, f"CN=svc-locked,CN=Users,{base}")

        written = GRANTED.read_text().split()
        _grant_writeback(samdb, writeback, _sid(samdb, f"CN=svc-gwb,CN=Users,{base}"), written)
        sighted = _sid(samdb, f"CN=svc-gwb-deleted,CN=Users,{base}")
        _grant_writeback(samdb, writeback, sighted, written + RESTORED_BY_SAMBA)
        _grant_deleted_objects(samdb, base, sighted)

        # Windows registers this name by itself. LDAP clients need it to sign in with Kerberos.
        dc = ldb.Message(ldb.Dn(samdb, f"CN=DC1,OU=Domain Controllers,{base}"))
        dc["spn"] = ldb.MessageElement("ldap/dc1." + samdb.domain_dns_name(),
                                       ldb.FLAG_MOD_ADD, "servicePrincipalName")
        samdb.modify(dc)
    except BaseException:
        samdb.transaction_cancel()
        raise
    samdb.transaction_commit()


def write_users(samdb, path):
    """Writes the synced users as JSON, with what a tenant synced from this domain knows of them."""
    found = samdb.search(f"OU=People,{samdb.get_default_basedn()}", ldb.SCOPE_ONELEVEL,
                         "(objectClass=user)",
                         ["sAMAccountName", "objectGUID", "objectSid", "userPrincipalName",
                          "mS-DS-ConsistencyGuid"])
    users = []
    for user in found:
        consistency = user.get("mS-DS-ConsistencyGuid")
        users.append({
            "samAccountName": str(user["sAMAccountName"]),
            "dn": str(user.dn),
            "objectGUID": str(ndr_unpack(misc.GUID, user["objectGUID"][0])),
            "objectSid": str(ndr_unpack(security.dom_sid, user["objectSid"][0])),
            "upn": str(user["userPrincipalName"]),
            "consistencyGuid": base64.b64encode(consistency[0]).decode() if consistency else None,
        })
    users.sort(key=lambda user: user["samAccountName"])
    with open(path, "w", encoding="utf-8") as file:
        json.dump(users, file, ensure_ascii=False, indent=1)


def _add_people(samdb, people):
    names = [(f"user{n:04}", f"user{n:04}") for n in range(1, SYNCED_USERS + 1)]
    for sam, cn in names + HOSTILE_USERS:
        dn = ldb.Dn(samdb, people)
        dn.add_child(ldb.Dn(samdb, "CN=x"))
        dn.set_component(0, "CN", cn)
        user = {
            "dn": str(dn),
            "objectClass": "user",
            "sAMAccountName": sam,
            "displayName": cn,
            "mail": f"{sam}@{samdb.domain_dns_name()}",
            "userPrincipalName": f"{sam}@{samdb.domain_dns_name()}",
            "userAccountControl": str(NORMAL_ACCOUNT | PASSWORD_NOT_REQUIRED),
        }
        if sam in {f"user{n:04}" for n in CONSISTENCY_GUID_USERS}:
            user["mS-DS-ConsistencyGuid"] = hashlib.sha256(sam.encode()).digest()[:16]
        samdb.add(user)
    for name, kind in (("people-global", GLOBAL_SECURITY_GROUP),
                       ("people-local", DOMAIN_LOCAL_SECURITY_GROUP)):
        samdb.add({
            "dn": f"CN={name},{people}",
            "objectClass": "group",
            "sAMAccountName": name,
            "groupType": str(kind),
            "member": f"CN=user0001,{people}",
        })


def _add_account(samdb, dn, name, password, special):
    samdb.add({
        "dn": dn,
        "objectClass": "user",
        "sAMAccountName": name,
        "userPrincipalName": f"{name}@{samdb.domain_dns_name()}",
        "unicodePwd": f'"{password}"'.encode("utf-16-le"),
        "userAccountControl": str(NORMAL_ACCOUNT),
        **special,
    })


def _add_lockout_policy(samdb, base, account):
    # The policy applies to one account, so that no test can lock another.
    samdb.add({
        "dn": f"CN=lockout,CN=Password Settings Container,CN=System,{base}",
        "objectClass": "msDS-PasswordSettings",
        "msDS-PasswordSettingsPrecedence": "1",
        "msDS-PasswordReversibleEncryptionEnabled": "FALSE",
        "msDS-PasswordHistoryLength": "0",
        "msDS-PasswordComplexityEnabled": "FALSE",
        "msDS-MinimumPasswordLength": "0",
        "msDS-MinimumPasswordAge": "0",
        "msDS-MaximumPasswordAge": NEVER,
        "msDS-LockoutThreshold": "5",
        "msDS-LockoutObservationWindow": str(30 * MINUTES),
        "msDS-LockoutDuration": str(30 * MINUTES),
        "msDS-PSOAppliesTo": account,
    })


def _grant_writeback(samdb, unit, sid, attributes):
    # What Grant-GroupWritebackPermission gives to an account that uses everything, and no more: a
    # test of the engine compares the two. The attributes that mappings add in tests come last.
    written = []
    for name in attributes:
        found = samdb.search(samdb.get_schema_basedn(), ldb.SCOPE_ONELEVEL,
                             f"(lDAPDisplayName={name})", ["schemaIDGUID"])
        if len(found) > 0:
            written.append(uuid.UUID(bytes_le=found[0]["schemaIDGUID"][0]))
    _grant(samdb, unit,
           f"(OA;CI;CCDC;{GROUP_CLASS};;{sid})"
           f"(OA;CIIO;RPSDLORC;;{GROUP_CLASS};{sid})"
           + "".join(f"(OA;CIIO;WP;{guid};{GROUP_CLASS};{sid})" for guid in written))


def _grant_deleted_objects(samdb, base, sid):
    # On Windows "dsacls CN=Deleted Objects,... /G account:LCRP" does the same.
    _grant(samdb, f"<WKGUID={DELETED_OBJECTS},{base}>", f"(A;;LCRP;;;{sid})")


def _grant(samdb, dn, aces):
    found = samdb.search(dn, ldb.SCOPE_BASE, attrs=["nTSecurityDescriptor"],
                         controls=["show_deleted:1"])[0]
    descriptor = ndr_unpack(security.descriptor, found["nTSecurityDescriptor"][0])
    domain = security.dom_sid(samdb.get_domain_sid())
    for ace in security.descriptor.from_sddl("D:" + aces, domain).dacl.aces:
        descriptor.dacl_add(ace)
    message = ldb.Message(found.dn)
    message["sd"] = ldb.MessageElement(ndr_pack(descriptor), ldb.FLAG_MOD_REPLACE,
                                       "nTSecurityDescriptor")
    samdb.modify(message, controls=["show_deleted:1"])


def _enable_recycle_bin(samdb):
    message = ldb.Message(ldb.Dn(samdb, ""))
    feature = f"CN=Partitions,{samdb.get_config_basedn()}:{uuid.UUID(RECYCLE_BIN)}"
    message["feature"] = ldb.MessageElement(feature, ldb.FLAG_MOD_ADD, "enableOptionalFeature")
    samdb.modify(message)


def _sid(samdb, dn):
    found = samdb.search(dn, ldb.SCOPE_BASE, attrs=["objectSid"])[0]
    return ndr_unpack(security.dom_sid, found["objectSid"][0])
