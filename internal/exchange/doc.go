// Package exchange knows what Exchange Server keeps in Active Directory, as far as a
// group that is written back needs it: the organisation with its levels, servers,
// connectors, accepted domains and address lists. It only judges; package ad reads.
//
// Where the names come from: class and attribute names of organisation, administrative
// groups, servers and connectors are in the schema reference of the Exchange Server 2003
// SDK, those of address lists in Microsoft's schema reference of Active Directory, and the
// form of an address space in the documentation of Set-SendConnector. msExchAcceptedDomain
// with its flags, msExchSmtpSendEnabled and the values of serialNumber are not documented
// as such; they are known from public scripts that read them, and from public dumps.
package exchange
