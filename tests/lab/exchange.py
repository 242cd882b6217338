"""Adds the objects that Exchange Setup leaves in a forest: the organization with an administrative
group, a server, connectors, accepted domains and address lists.

Places and names are those of public dumps. The form of an address space is documented with
Set-SendConnector. No Exchange server made any of these objects.
"""

import schema

ADMINISTRATIVE_GROUP = "Exchange Administrative Group (FYDIBOHF23SPDLT)"
LEGACY_DN = "/o=First Organization"

# The address lists and their LDAP filters. Microsoft documents the filter of the default global
# address list in Exchange's own syntax. Filters of lists that Exchange 2003 made keep its blanks.
ADDRESS_LISTS = [
    ("All Address Lists", None),
    ("All Users,All Address Lists",
     "(& (mailnickname=*) (| (&(objectCategory=person)(objectClass=user)(!(homeMDB=*))(!(msExchHomeServerName=*)))"
     "(&(objectCategory=person)(objectClass=user)(|(homeMDB=*)(msExchHomeServerName=*))) ))"),
    ("All Groups,All Address Lists", "(& (mailnickname=*) (| (objectCategory=group) ))"),
    ("All Contacts,All Address Lists", "(& (mailnickname=*) (| (&(objectCategory=person)(objectClass=contact)) ))"),
    ("All Rooms,All Address Lists", "(&(mailNickname=*)(msExchResourceMetaData=ResourceType:Room))"),
    ("All Global Address Lists", None),
    ("Default Global Address List,All Global Address Lists",
     "(&(mailNickname=*)(|(objectClass=user)(objectClass=contact)(objectClass=msExchSystemMailbox)"
     "(objectClass=msExchDynamicDistributionList)(objectClass=group)(objectClass=publicFolder)))"),
    ("All System Address Lists", None),
    ("All Recipients(VLV),All System Address Lists", "(mailNickname=*)"),
    ("Groups(VLV),All System Address Lists",
     "(&(mailNickname=*)(objectCategory=group)(!(msExchRecipientTypeDetails=1073741824)))"),
]


def add_organization(samdb):
    """Adds the organization. The schema must be Exchange's."""
    domain = samdb.domain_dns_name()

    def add(name, parent, kind="container", **values):
        dn = f"CN={name},{parent}"
        samdb.add({"dn": dn, "objectClass": kind, **values})
        return dn

    def path(parent, *names):
        for name in names:
            parent = add(name, parent)
        return parent

    samdb.transaction_start()
    add("Microsoft Exchange System Objects", samdb.get_default_basedn(), "msExchSystemObjectsContainer",
        objectVersion=schema.EXCHANGE_DOMAIN_VERSION)
    organization = add("First Organization", add("Microsoft Exchange", f"CN=Services,{samdb.get_config_basedn()}"),
                       "msExchOrganizationContainer", objectVersion=schema.EXCHANGE_ORGANIZATION_VERSION,
                       legacyExchangeDN=LEGACY_DN)
    group = add(ADMINISTRATIVE_GROUP, path(organization, "Administrative Groups"), "msExchAdminGroup",
                legacyExchangeDN=f"{LEGACY_DN}/ou={ADMINISTRATIVE_GROUP}")
    add("EX1", path(group, "Servers"), "msExchExchangeServer", serialNumber="Version 15.1 (Build 32308.8)")
    connections = path(group, "Routing Groups", "Exchange Routing Group (DWBGZMFD01QNBJR)", "Connections")
    add("Outbound to Office 365", connections, "msExchRoutingSMTPConnector",
        routingList="SMTP:contoso.mail.onmicrosoft.com;1", msExchSmtpSendEnabled="TRUE")
    add("Internet", connections, "msExchRoutingSMTPConnector", routingList="SMTP:*;1")
    domains = path(organization, "Transport Settings", "Accepted Domains")
    for name, flags in {domain: "4", f"groups.{domain}": "2", "contoso.mail.onmicrosoft.com": "0"}.items():
        add(name, domains, "msExchAcceptedDomain", msExchAcceptedDomainName=name, msExchAcceptedDomainFlags=flags)
    lists = path(organization, "Address Lists Container")
    for place, search in ADDRESS_LISTS:
        name, _, parent = place.partition(",")
        values = {"purportedSearch": search} if search else {}
        add(name, f"CN={parent},{lists}" if parent else lists, "addressBookContainer", displayName=name, **values)
    samdb.transaction_commit()
