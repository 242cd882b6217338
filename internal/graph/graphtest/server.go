package graphtest

import (
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Server is a Tenant that listens for requests.
type Server struct {
	*Tenant
	// URL is https://127.0.0.1:PORT. It is the authority, the Graph endpoint and, below
	// /_control, the control interface.
	URL string
	// CAPEM is the certificate of the authority that signed the server's certificate.
	CAPEM []byte
	// TenantID, ClientID and ClientSecret are the credentials for signing in.
	TenantID, ClientID, ClientSecret string
	// ManagedIdentityURL and ManagedIdentityHeader are the values for IDENTITY_ENDPOINT
	// and IDENTITY_HEADER, empty without the option.
	ManagedIdentityURL, ManagedIdentityHeader string

	closers []io.Closer

	certificateOnce  sync.Once
	certificate      *ClientCertificate
	certificateError error
}

// Start listens and serves until Close. It fails if the seed is invalid.
func (t *Tenant) Start() (*Server, error) {
	if t.started != nil {
		return nil, fmt.Errorf("start the simulated tenant: %w", t.started)
	}
	address := t.options.Listen
	if address == "" {
		address = "127.0.0.1:0"
	}
	certificate, caPEM, err := serverIdentity(time.Now())
	if err != nil {
		return nil, fmt.Errorf("start the simulated tenant: %w", err)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("start the simulated tenant: %w", err)
	}
	s := &Server{
		Tenant:       t,
		URL:          "https://" + listener.Addr().String(),
		CAPEM:        caPEM,
		TenantID:     t.info().ID,
		ClientID:     t.clientID,
		ClientSecret: t.clientSecret,
	}
	// Only HTTP/1.1, because faults take over whole connections.
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
	s.serve(tls.NewListener(listener, config), t)
	if t.options.ManagedIdentity {
		plain, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			s.Close()
			return nil, fmt.Errorf("start the managed identity endpoint: %w", err)
		}
		s.ManagedIdentityURL = "http://" + plain.Addr().String() + "/msi/token"
		s.ManagedIdentityHeader = randomGUID()
		s.serve(plain, t.managedIdentity(s.ManagedIdentityHeader, s.URL))
	}
	return s, nil
}

func (s *Server) serve(l net.Listener, h http.Handler) {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 30 * time.Second,
		// Some tests use clients that do not trust the certificate.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	s.closers = append(s.closers, server)
	go server.Serve(l)
}

// Close ends the server at once, including requests under way.
func (s *Server) Close() error {
	var errs []error
	for _, c := range s.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(errs...)
}

// HTTPClient returns a client that trusts the server's certificate.
func (s *Server) HTTPClient() *http.Client {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.CAPEM)
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
}

// ClientCertificate creates a certificate on the first call and registers it with the
// application.
func (s *Server) ClientCertificate() (*ClientCertificate, error) {
	s.certificateOnce.Do(func() {
		if s.certificate, s.certificateError = newClientCertificate("GroupWriteback lab client", time.Now()); s.certificateError == nil {
			s.certificateError = s.RegisterCertificate(s.certificate.Certificate)
		}
	})
	return s.certificate, s.certificateError
}

// AccessToken returns a Graph token of the application, as a caller who signed in by
// other means would pass it.
func (s *Server) AccessToken() string {
	return s.issueToken(s.clientID, s.URL, s.tokenLifetime())
}

const (
	federationIssuer  = "https://oidc.simulated.test/"
	federationSubject = "system:serviceaccount:lab:groupwriteback"
)

// FederatedToken returns an assertion of the identity provider that the application
// trusts. Workload identity reads such an assertion from a file.
func (s *Server) FederatedToken(lifetime time.Duration) string {
	now := s.now()
	return signHS256(map[string]any{
		"iss": federationIssuer,
		"sub": federationSubject,
		"aud": federationAudience,
		"nbf": now.Unix(),
		"exp": now.Add(lifetime).Unix(),
	}, s.federationKey)
}

// ServeHTTP implements [http.Handler]. It dispatches to the control interface, Graph or
// the authority.
func (t *Tenant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	segments := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if segments[0] == "_control" {
		t.serveControl(w, r, segments[1:])
		return
	}
	isGraph := strings.EqualFold(segments[0], "v1.0") || strings.EqualFold(segments[0], "beta")
	fault := t.takeFault(r.Method, unversioned(r.URL.Path), r.URL.RawQuery, false)
	t.mu.RLock()
	wait := t.latency
	t.mu.RUnlock()
	entry := newEntry(r.Method, r.URL.Path, r.URL.RawQuery, r.Header, t.now())
	if fault != nil {
		entry.Fault = fault.Kind
		wait += time.Duration(fault.DelayMS) * time.Millisecond
	}
	delay(r, wait)
	if fault != nil && fault.Kind == FaultDrop {
		t.log(entry)
		drop(w)
		return
	}
	recorder := &recorder{ResponseWriter: w, fault: fault, status: http.StatusOK}
	switch {
	case isGraph:
		t.serveGraph(recorder, r, strings.ToLower(segments[0]), segments[1:], fault, &entry)
	case fault != nil && fault.Kind == FaultStatus:
		t.serveFault(recorder, r, fault)
	default:
		t.serveAuthority(recorder, r, segments)
	}
	entry.Status = recorder.status
	t.log(entry)
	recorder.finish()
}

func newEntry(method, path, query string, header http.Header, now time.Time) Request {
	return Request{
		Time: now, Method: method, Path: path, Query: query,
		RequestID:       randomGUID(),
		ClientRequestID: header.Get("client-request-id"),
		Priority:        header.Get("x-ms-throttle-priority"),
		UserAgent:       header.Get("User-Agent"),
	}
}

func (t *Tenant) serveFault(w http.ResponseWriter, r *http.Request, f *Fault) {
	if f.Body != "" {
		w.WriteHeader(f.Status)
		io.WriteString(w, f.Body)
		return
	}
	if f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	t.writeAuthorityError(w, r, &authorityError{f.Status, "temporarily_unavailable", 90033, "A transient error has occurred. Please try again."})
}

// drop closes the connection below TLS, without a closing alert.
func drop(w http.ResponseWriter) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if c, ok := conn.(*tls.Conn); ok {
		c.NetConn().Close()
	}
	conn.Close()
}

// recorder records the status, and holds back the body if a fault will send half of it.
type recorder struct {
	http.ResponseWriter
	fault  *Fault
	status int
	held   []byte
}

func (r *recorder) holds() bool {
	return r.fault != nil && (r.fault.Kind == FaultTruncate || r.fault.Kind == FaultCut)
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	if !r.holds() {
		r.ResponseWriter.WriteHeader(status)
	}
}

func (r *recorder) Write(data []byte) (int, error) {
	if r.holds() {
		r.held = append(r.held, data...)
		return len(data), nil
	}
	return r.ResponseWriter.Write(data)
}

func (r *recorder) finish() {
	if !r.holds() {
		return
	}
	half := r.held[:len(r.held)/2]
	announced := len(half)
	if r.fault.Kind == FaultTruncate {
		announced = len(r.held)
	}
	r.Header().Set("Content-Length", strconv.Itoa(announced))
	r.ResponseWriter.WriteHeader(r.status)
	r.ResponseWriter.Write(half)
	if r.fault.Kind == FaultTruncate {
		http.NewResponseController(r.ResponseWriter).Flush()
		panic(http.ErrAbortHandler) // closes the connection
	}
}

const maxBody = 4 << 20

// readBody reads a request body, which a client library may have compressed.
func readBody(r *http.Request) ([]byte, error) {
	var in io.Reader = r.Body
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "", "identity":
	case "gzip":
		unzip, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, err
		}
		in = unzip
	default:
		return nil, fmt.Errorf("content encoding %q", encoding)
	}
	data, err := io.ReadAll(io.LimitReader(in, maxBody+1))
	if err == nil && len(data) > maxBody {
		err = errors.New("the body is too large")
	}
	return data, err
}
