package kerberos

import (
	"errors"
	"slices"
	"strings"

	"github.com/jcmturner/gokrb5/v8/config"
)

// Config is a Kerberos configuration. It never asks DNS for KDCs, because gokrb5 would
// accept any host that DNS names.
type Config struct {
	// ByDNS reports whether the file asks for KDCs to be looked up in DNS.
	ByDNS bool

	krb5 *config.Config
}

// NewConfig returns a configuration without KDCs.
func NewConfig() *Config { return newConfig(config.New()) }

// LoadConfig reads a krb5.conf. Like other implementations, it ignores directives that
// gokrb5 does not know.
func LoadConfig(path string) (*Config, error) {
	loaded, err := config.Load(path)
	if unsupported := (config.UnsupportedDirective{}); err != nil && !errors.As(err, &unsupported) {
		return nil, err
	}
	return newConfig(loaded), nil
}

func newConfig(krb5 *config.Config) *Config {
	c := &Config{ByDNS: krb5.LibDefaults.DNSLookupKDC, krb5: krb5}
	krb5.LibDefaults.DNSLookupKDC = false
	return c
}

// KDCs returns the KDCs of a realm, as host and port.
func (c *Config) KDCs(realm string) []string { return c.realm(realm).KDC }

// AddKDC adds a KDC, as host and port, which is asked over TCP.
func (c *Config) AddKDC(realm, address string) {
	c.krb5.LibDefaults.UDPPreferenceLimit = 1
	entry := c.realm(realm)
	entry.KDC = append(entry.KDC, address)
}

// realm returns the entry of the realm, which it adds if there is none. It spells the
// name as given, because gokrb5 compares realms with regard to case.
func (c *Config) realm(name string) *config.Realm {
	at := slices.IndexFunc(c.krb5.Realms, func(r config.Realm) bool { return strings.EqualFold(r.Realm, name) })
	if at < 0 {
		at = len(c.krb5.Realms)
		c.krb5.Realms = append(c.krb5.Realms, config.Realm{})
	}
	c.krb5.Realms[at].Realm = name
	return &c.krb5.Realms[at]
}
