"""Extends the schema of the lab's directory, directly in its database.

Each release of Windows has its own schema, and Exchange Setup extends it. Samba
provisions the schema of Windows Server 2012 R2, so the rest is added here.
"""

import os
import uuid

import ldb

SYNTAXES = {
    "boolean": {"attributeSyntax": "2.5.5.8", "oMSyntax": "1"},
    "integer": {"attributeSyntax": "2.5.5.9", "oMSyntax": "2"},
    "large": {"attributeSyntax": "2.5.5.16", "oMSyntax": "65"},
    "unicode": {"attributeSyntax": "2.5.5.12", "oMSyntax": "64"},
    "dn": {
        "attributeSyntax": "2.5.5.1",
        "oMSyntax": "127",
        "oMObjectClass": bytes.fromhex("2b0c0287731c00854a"),
    },
    "or-name": {
        "attributeSyntax": "2.5.5.7",
        "oMSyntax": "127",
        "oMObjectClass": bytes.fromhex("56060102050b1d"),
    },
}

# Windows Server 2016 and later: the object version and the attribute that
# holds the id of the cloud object, both as Microsoft publishes them.
WINDOWS_2016_VERSION = "87"
EXTERNAL_ID = "msDS-ExternalDirectoryObjectId"

EXCHANGE_VERSION = "ms-Exch-Schema-Version-Pt"
EXCHANGE_SCHEMA_VERSION = "15334"
EXCHANGE_DOMAIN_VERSION = "13241"
EXCHANGE_ORGANIZATION_VERSION = "16221"
# The object identifiers below 32473, which is reserved for examples, are the lab's own.
_OWN_OID = "1.3.6.1.4.1.32473.3."

# The property sets of what Exchange adds to recipients, as Microsoft's tool lists them.
EXCHANGE_INFORMATION = "1f298a89-de98-47b8-b5cd-572ad53d267e"
PERSONAL_INFORMATION = "77b5b886-944a-11d1-aebd-0000f80367c1"

# Attributes of the organization's objects. The one that limits an address list to a
# container is not documented, so its name is the lab's own.
ORGANIZATION_ATTRIBUTES = {
    "routingList": ("unicode", "FALSE"),
    "msExchSmtpSendEnabled": ("boolean", "TRUE"),
    "msExchAcceptedDomainName": ("unicode", "TRUE"),
    "msExchAcceptedDomainFlags": ("integer", "TRUE"),
    "labRecipientContainer": ("dn", "TRUE"),
}
# Classes of the organization's objects, with their parent classes and the attributes they may have.
ORGANIZATION_CLASSES = {
    "msExchOrganizationContainer": ("container", ["objectVersion", "legacyExchangeDN"]),
    "msExchSystemObjectsContainer": ("container", ["objectVersion"]),
    "msExchAdminGroup": ("container", ["legacyExchangeDN"]),
    "msExchExchangeServer": ("container", ["serialNumber"]),
    "msExchRoutingSMTPConnector": ("container", ["routingList", "msExchSmtpSendEnabled"]),
    "msExchAcceptedDomain": ("container", ["msExchAcceptedDomainName", "msExchAcceptedDomainFlags"]),
}


def add_definitions(samdb, level):
    """Adds the attributes that level ("2012r2", "2016" or "exchange") has beyond 2012 R2."""
    schema = samdb.get_schema_basedn()
    samdb.transaction_start()
    for attribute in _attributes(level):
        samdb.add({
            "dn": f"CN={attribute['cn']},{schema}",
            "objectClass": "attributeSchema",
            **attribute,
        })
    samdb.transaction_commit()


def add_classes(samdb, level):
    """Adds the classes of Exchange's organization and its property set."""
    if level != "exchange":
        return
    schema, configuration = samdb.get_schema_basedn(), samdb.get_config_basedn()
    samdb.transaction_start()
    for number, (name, (parent, contains)) in enumerate(ORGANIZATION_CLASSES.items()):
        samdb.add({
            "dn": f"CN={name},{schema}", "objectClass": "classSchema",
            "lDAPDisplayName": name, "cn": name, "governsID": f"{_OWN_OID}2.{number + 1}",
            "subClassOf": parent, "objectClassCategory": "1", "systemPossSuperiors": ["container", "domainDNS"],
            "mayContain": contains,
            "defaultSecurityDescriptor": "D:(A;;RPWPCRCCDCLCLORCWOWDSDDTSW;;;DA)"
                                         "(A;;RPWPCRCCDCLCLORCWOWDSDDTSW;;;SY)(A;;RPLCLORC;;;AU)",
        })
    # Windows' schema allows an address list only below another one or below the configuration.
    _modify(samdb, f"CN=Address-Book-Container,{schema}", ldb.FLAG_MOD_ADD, "possSuperiors", ["container"])
    _modify(samdb, f"CN=Address-Book-Container,{schema}", ldb.FLAG_MOD_ADD, "mayContain", ["labRecipientContainer"])
    samdb.add({
        "dn": f"CN=Exchange-Information,CN=Extended-Rights,{configuration}", "objectClass": "controlAccessRight",
        "displayName": "Exchange Information", "rightsGuid": EXCHANGE_INFORMATION,
        "appliesTo": "bf967a9c-0de6-11d0-a285-00aa003049e2", "validAccesses": "48",
    })
    samdb.transaction_commit()


def allow_attributes(samdb, level):
    """Allows the added attributes on recipients, including groups."""
    if level == "2012r2":
        return
    schema = samdb.get_schema_basedn()
    samdb.transaction_start()
    # Microsoft adds them to Mail-Recipient, an auxiliary class of Group, not to Group itself.
    _modify(samdb, f"CN=Mail-Recipient,{schema}", ldb.FLAG_MOD_ADD, "mayContain",
            [a["lDAPDisplayName"] for a in _attributes(level)
             if a["cn"] != EXCHANGE_VERSION and a["lDAPDisplayName"] not in ORGANIZATION_ATTRIBUTES])
    _modify(samdb, str(schema), ldb.FLAG_MOD_REPLACE, "objectVersion", [WINDOWS_2016_VERSION])
    samdb.transaction_commit()


# Each step needs a new connection, which has read the schema that the previous step wrote.
STEPS = (add_definitions, add_classes, allow_attributes)


def _attributes(level):
    if level == "2012r2":
        return []
    if level == "2016":
        return _windows_2016_attributes()
    return _windows_2016_attributes() + _exchange_attributes()


def _windows_2016_attributes():
    return [{
        "lDAPDisplayName": EXTERNAL_ID,
        "cn": "ms-DS-External-Directory-Object-Id",
        "attributeID": "1.2.840.113556.1.4.2310",
        "isSingleValued": "TRUE",
        "rangeUpper": "256",
        "searchFlags": "9",
        "isMemberOfPartialAttributeSet": "TRUE",
        "schemaIDGUID": uuid.UUID("bd29bf90-66ad-40e1-887b-10df070419a6").bytes_le,
        "attributeSecurityGUID": uuid.UUID(PERSONAL_INFORMATION).bytes_le,
        **SYNTAXES["unicode"],
    }, {
        # A later update adds it. Its identifier is not published.
        "lDAPDisplayName": "msDS-ObjectSoa",
        "cn": "ms-DS-Object-Soa",
        "attributeID": _OWN_OID + "3",
        "isSingleValued": "TRUE",
        "rangeUpper": "64",
        **SYNTAXES["unicode"],
    }]


def _exchange_attributes():
    # The rangeUpper of this attribute tells which version of Exchange extended the schema.
    attributes = [{
        "lDAPDisplayName": "msExchSchemaVersionPt",
        "cn": EXCHANGE_VERSION,
        "attributeID": _OWN_OID + "1",
        "isSingleValued": "TRUE",
        "rangeUpper": EXCHANGE_SCHEMA_VERSION,
        **SYNTAXES["unicode"],
    }]
    for number, (name, (syntax, single)) in enumerate(ORGANIZATION_ATTRIBUTES.items()):
        attributes.append({
            "lDAPDisplayName": name, "cn": name, "attributeID": f"{_OWN_OID}1.{number + 1}",
            "isSingleValued": single, **SYNTAXES[syntax],
        })
    table = os.path.join(os.path.dirname(os.path.abspath(__file__)), "exchange-attributes.txt")
    with open(table, encoding="utf-8") as lines:
        for line in lines:
            if not line.strip() or line.startswith("#"):
                continue
            name, cn, oid, syntax, values, size, link, guid = line.split()
            attribute = {
                "lDAPDisplayName": name,
                "cn": cn,
                "attributeID": oid,
                "isSingleValued": "TRUE" if values == "single" else "FALSE",
                **SYNTAXES[syntax],
            }
            if size != "-":
                attribute["rangeLower"], attribute["rangeUpper"] = size.split("-")
            if link != "-":
                attribute["linkID"] = link
            if guid != "-":
                attribute["schemaIDGUID"] = uuid.UUID(guid).bytes_le
            if not name.endswith("BL"):
                property_set = PERSONAL_INFORMATION if name == "publicDelegates" else EXCHANGE_INFORMATION
                attribute["attributeSecurityGUID"] = uuid.UUID(property_set).bytes_le
            attributes.append(attribute)
    return attributes


def _modify(samdb, dn, how, attribute, values):
    message = ldb.Message(ldb.Dn(samdb, dn))
    message[attribute] = ldb.MessageElement(values, how, attribute)
    samdb.modify(message)
