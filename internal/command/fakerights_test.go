package command_test

import (
	"context"
	"strings"

	"groupwriteback/internal/contract"
	"groupwriteback/internal/descriptor"
	"groupwriteback/internal/directory"
	"groupwriteback/internal/rights"
)

// fakeRights is the part of the domain in memory that is about rights.
type fakeRights struct {
	list         descriptor.Descriptor // of the container
	groupList    *descriptor.Descriptor
	unchangeable bool
	unreadable   bool
	unwritable   string // an attribute that allowedAttributesEffective leaves out
	uninheriting []contract.Uninheriting
	policy       contract.SOAPolicy
	setLists     int
	head         descriptor.Descriptor // the list of the head of the domain
}

func (d *fakeDirectory) RightsSchema(ctx context.Context) (rights.Schema, error) {
	s := rights.Schema{Attributes: map[string]rights.Attribute{}, Sets: map[directory.GUID]string{guid("set"): "Public-Information"}}
	for _, name := range []string{"member", "groupType", "sAMAccountName", "name", "cn", "displayName", "description", "mail", "adminDescription", "extensionName", "msDS-ExternalDirectoryObjectId", "proxyAddresses"} {
		a := rights.Attribute{Name: name, GUID: guid("attribute " + name)}
		if name == "mail" || name == "cn" || name == "proxyAddresses" {
			a.Set = guid("set")
		}
		s.Attributes[strings.ToLower(name)] = a
	}
	return s, d.check(ctx, "rightsSchema")
}

func (d *fakeDirectory) AccessList(ctx context.Context, object directory.GUID) (contract.AccessList, error) {
	list := contract.AccessList{DN: containerDN, Descriptor: d.rights.list, Changeable: !d.rights.unchangeable}
	if object == domain.GUID {
		list.DN, list.Descriptor = "DC=contoso,DC=test", d.rights.head
	} else if object != containerID {
		d.audited = object
		list.DN, list.Descriptor = "CN=Group_1", list.Descriptor.InheritedBy(rights.ClassGroup)
		for _, name := range []string{"member", "groupType", "sAMAccountName", "displayName", "description", "mail", "adminDescription", "extensionName", "msDS-ExternalDirectoryObjectId"} {
			if name != d.rights.unwritable {
				list.Writable = append(list.Writable, name)
			}
		}
		if d.rights.groupList != nil {
			list.Descriptor = *d.rights.groupList
		}
	}
	if d.rights.unreadable {
		return list, &contract.Error{Category: contract.PermissionDenied, ID: "AccessListUnreadable", Object: list.DN, Message: "unreadable", Advice: "a"}
	}
	return list, d.check(ctx, "accessList")
}

func (d *fakeDirectory) Account(ctx context.Context, name string) (contract.Account, error) {
	if name != "svc" && name != string(service) {
		return contract.Account{}, &contract.Error{Category: contract.ObjectNotFound, ID: "AccountNotFound", Object: name, Message: "none"}
	}
	return contract.Account{Principal: contract.Principal{SID: service, Name: "svc"}, Token: descriptor.Token{service: true}}, d.check(ctx, "account")
}

func (d *fakeDirectory) WithoutInheritance(ctx context.Context, _ directory.GUID, limit int) ([]contract.Uninheriting, int, error) {
	return d.rights.uninheriting[:min(limit, len(d.rights.uninheriting))], len(d.rights.uninheriting), d.check(ctx, "withoutInheritance")
}

func (d *fakeDirectory) SOAPolicy(ctx context.Context) (contract.SOAPolicy, error) {
	return d.rights.policy, d.check(ctx, "soaPolicy")
}

func (w *fakeWriter) SetAccessList(ctx context.Context, object directory.GUID, list descriptor.Descriptor) error {
	if object == domain.GUID {
		w.rights.head = list
	} else {
		w.rights.list = list
	}
	w.rights.setLists++
	return w.check(ctx, "setAccessList")
}
