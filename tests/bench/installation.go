package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"groupwriteback/internal/ad/adtest/server"
	"groupwriteback/internal/graph/graphtest"
	"groupwriteback/tests/protocol/client"
)

type fields = map[string]any

// controller is a domain controller with its accounts. It speaks TLS at address.
type controller struct {
	address, caFile          string
	user, password           string
	adminUser, adminPassword string
	container, people        string
}

// labController returns the domain controller of tests/lab, with an account that sees
// deleted objects.
func labController() (controller, error) {
	if os.Getenv("GWB_LAB") == "" {
		return controller{}, fmt.Errorf("no lab: run under tests/lab/run")
	}
	get := func(name string) string { return os.Getenv("GWB_LAB_" + name) }
	return controller{address: get("SERVER") + ":636", caFile: get("CA"), user: get("DELETED_USER"), password: get("PASSWORD"),
		adminUser: get("ADMIN_USER"), adminPassword: get("ADMIN_PASSWORD"), container: get("CONTAINER"), people: get("PEOPLE")}, nil
}

// inProcess starts a domain controller in this process.
func inProcess(folder string) (controller, *server.Server, error) {
	dc, err := server.Start(server.Options{})
	if err != nil {
		return controller{}, nil, err
	}
	c := controller{address: "127.0.0.1:" + dc.LDAPS, caFile: filepath.Join(folder, "dc-ca.pem"), user: server.Deleted, password: server.Password,
		adminUser: server.Administrator, adminPassword: server.AdministratorPassword, container: server.Container, people: server.PeopleUnit}
	return c, dc, os.WriteFile(c.caFile, dc.CA, 0o600)
}

// tool returns the command for one of OpenLDAP's tools, signed in as the service account
// or, if asAdmin is set, as the administrator.
func (c *controller) tool(asAdmin bool, name string, arguments ...string) *exec.Cmd {
	user, password := c.user, c.password
	if asAdmin {
		user, password = c.adminUser, c.adminPassword
	}
	command := exec.Command(name, append([]string{"-x", "-H", "ldaps://" + c.address, "-D", user, "-w", password}, arguments...)...)
	command.Env = append(os.Environ(), "LDAPTLS_CACERT="+c.caFile)
	return command
}

// unit creates an organisational unit in the container and returns its DN.
func (c *controller) unit(name string) (string, error) {
	dn := "OU=" + name + "," + c.container
	command := c.tool(true, "ldapadd")
	command.Stdin = strings.NewReader("dn: " + dn + "\nobjectClass: organizationalUnit\n")
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("make %s: %w: %s", dn, err, out)
	}
	return dn, nil
}

// installation is the state of an engine and what the engine connects to.
type installation struct {
	folder    string
	tenant    *graphtest.Server
	dc        controller
	container string
	peak      float64 // resident memory of the last run's process, in MiB
}

// install starts a simulated tenant and enables group writeback with these settings.
func install(ctx context.Context, folder string, seed graphtest.Seed, users []graphtest.ADUser, dc controller, container string, settings fields) (*installation, error) {
	tenant, err := graphtest.New(seed, graphtest.Options{ADUsers: users}).Start()
	if err != nil {
		return nil, err
	}
	i := &installation{folder: folder, tenant: tenant, dc: dc, container: container}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(folder, "tenant-ca.pem"), tenant.CAPEM, 0o600); err != nil {
		return nil, err
	}
	s, err := i.start(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer s.Kill()
	if err := s.Call(ctx, "writeback.enable", fields{"targetContainer": container, "mailRecipient": "MailOnly"}, nil); err != nil {
		return nil, err
	}
	return i, s.Call(ctx, "settings.set", settings, nil)
}

func (i *installation) close() { i.tenant.Close() }

// progress is a progress notification of a run.
type progress struct {
	Step  string
	Done  int
	Total int
	at    time.Time
}

// start starts an engine and connects it. onProgress may be nil.
func (i *installation) start(ctx context.Context, onProgress func(progress)) (*client.Client, error) {
	s, err := client.Start(client.Options{Path: os.Getenv("GROUPWRITEBACK_ENGINE"), OnNotify: func(method string, params json.RawMessage) {
		p := progress{at: time.Now()}
		if onProgress != nil && method == "progress" && json.Unmarshal(params, &p) == nil {
			onProgress(p)
		}
	}})
	if err != nil {
		return nil, err
	}
	if err = s.Initialize(ctx, filepath.Join(i.folder, "state")); err == nil {
		err = s.Call(ctx, "session.connect", fields{
			"source": fields{"tenantId": i.tenant.TenantID, "clientId": i.tenant.ClientID, "authority": i.tenant.URL, "graphEndpoint": i.tenant.URL,
				"caFile": filepath.Join(i.folder, "tenant-ca.pem"), "credential": fields{"kind": "ClientSecret", "secret": i.tenant.ClientSecret}},
			"target": fields{"server": i.dc.address, "caFile": i.dc.caFile,
				"credential": fields{"kind": "Simple", "user": i.dc.user, "password": i.dc.password}},
		}, nil)
	}
	if err != nil {
		s.Kill()
		return nil, err
	}
	return s, nil
}

// run is the part of a run's record that is used here.
type run struct {
	Status, StopReason, Message, PolicyType string
	Exported                                struct{ Create, Update, UpdateMembers, Delete, MembersAdded, MembersRemoved int }
}

// writes returns how many objects the run has written to.
func (r *run) writes() int {
	e := r.Exported
	return e.Create + e.Update + e.UpdateMembers + e.Delete
}

// sync runs one synchronisation, which must end as Complete, and returns its record and
// how long the answer took.
func (i *installation) sync(ctx context.Context, onProgress func(progress)) (run, time.Duration, error) {
	var r run
	s, err := i.start(ctx, onProgress)
	if err != nil {
		return r, 0, err
	}
	defer s.Kill()
	began := time.Now()
	err = s.Call(ctx, "sync.start", nil, &r)
	took := time.Since(began)
	if err == nil && r.Status != "Complete" {
		err = fmt.Errorf("the run ended as %s %s: %s", r.Status, r.StopReason, r.Message)
	}
	i.peak = peakOf(strconv.Itoa(s.PID()))
	if err == nil {
		_, err = s.Close()
	}
	return r, took, err
}
