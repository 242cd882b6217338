package main

import (
	"os"
	"path/filepath"
	"strings"
	"time"

	"groupwriteback/internal/graph/graphtest"
)

const certificatePassword = "lab"

// writeFiles writes the files that a client needs to reach the server. The file env
// comes last, because others wait for it.
func writeFiles(dir string, s *graphtest.Server) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	certificate, err := s.ClientCertificate()
	if err != nil {
		return err
	}
	pfx, err := certificate.PFX(certificatePassword)
	if err != nil {
		return err
	}
	at := func(name string) string { return filepath.Join(dir, name) }
	env := []string{
		"GWB_LAB_TENANT_ID=" + s.TenantID,
		"GWB_LAB_TENANT_CLIENT_ID=" + s.ClientID,
		"GWB_LAB_TENANT_CLIENT_SECRET=" + s.ClientSecret,
		"GWB_LAB_TENANT_AUTHORITY=" + s.URL,
		"GWB_LAB_TENANT_GRAPH=" + s.URL,
		"GWB_LAB_TENANT_CONTROL=" + s.URL + "/_control",
		"GWB_LAB_TENANT_CA=" + at("ca.pem"),
		"GWB_LAB_TENANT_CERT_PEM=" + at("client.pem"),
		"GWB_LAB_TENANT_CERT_PFX=" + at("client.pfx"),
		"GWB_LAB_TENANT_CERT_PASSWORD=" + certificatePassword,
		"GWB_LAB_TENANT_CERT_THUMBPRINT=" + certificate.Thumbprint,
		"GWB_LAB_TENANT_FEDERATED_TOKEN_FILE=" + at("federated-token"),
		"GWB_LAB_TENANT_MSI_ENDPOINT=" + s.ManagedIdentityURL,
		"GWB_LAB_TENANT_MSI_HEADER=" + s.ManagedIdentityHeader,
	}
	for _, f := range []struct {
		name    string
		content []byte
	}{
		{"ca.pem", s.CAPEM},
		{"client.pem", append(certificate.CertificatePEM, certificate.KeyPEM...)},
		{"client.pfx", pfx},
		{"federated-token", []byte(s.FederatedToken(24 * time.Hour))},
		{"env", []byte(strings.Join(env, "\n") + "\n")},
	} {
		if err := writeWhole(at(f.name), f.content); err != nil {
			return err
		}
	}
	return nil
}

// writeWhole writes a file so that it appears with its whole content at once.
func writeWhole(path string, content []byte) error {
	temporary := path + ".new"
	if err := os.WriteFile(temporary, content, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
