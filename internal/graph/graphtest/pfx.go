package graphtest

import (
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"unicode/utf16"
)

// PFX returns the certificate and its key as a PKCS #12 file (RFC 7292), with the key
// encrypted with triple DES and SHA-1. That is weak, but every version of Windows can
// read it.
func (c *ClientCertificate) PFX(password string) ([]byte, error) {
	keyDER, err := x509.MarshalPKCS8PrivateKey(c.Key)
	if err != nil {
		return nil, err
	}
	salt, keyID := randomBytes(8), sha1.Sum(c.Certificate.Raw)
	attributes := []pfxAttribute{{oidLocalKeyID, []asn1.RawValue{{Tag: asn1.TagOctetString, Bytes: keyID[:]}}}}
	d := &der{}
	certBag := pfxBag{oidCertBag, d.explicit(pfxCert{oidX509, d.explicit(c.Certificate.Raw)}), attributes}
	keyBag := pfxBag{oidShroudedKeyBag, d.explicit(pfxKey{
		pkix.AlgorithmIdentifier{Algorithm: oid3DES, Parameters: asn1.RawValue{FullBytes: d.marshal(pfxParameters{salt, pfxIterations})}},
		encrypt3DES(keyDER, password, salt),
	}), attributes}
	safe := d.marshal([]pfxContent{
		{oidData, d.explicit(d.marshal([]pfxBag{certBag}))},
		{oidData, d.explicit(d.marshal([]pfxBag{keyBag}))},
	})
	macSalt := randomBytes(8)
	mac := hmac.New(sha1.New, pfxKDF(password, macSalt, 3, sha1.Size))
	mac.Write(safe)
	file := d.marshal(pfxFile{3, pfxContent{oidData, d.explicit(safe)}, pfxMAC{
		pfxDigest{pkix.AlgorithmIdentifier{Algorithm: oidSHA1, Parameters: asn1.NullRawValue}, mac.Sum(nil)}, macSalt, pfxIterations,
	}})
	if d.err != nil {
		return nil, fmt.Errorf("write the PFX: %w", d.err)
	}
	return file, nil
}

const pfxIterations = 2048

var (
	oidData           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidX509           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidLocalKeyID     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 21}
	oidShroudedKeyBag = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2}
	oidCertBag        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oid3DES           = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 3}
	oidSHA1           = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
)

type pfxFile struct {
	Version int
	Safe    pfxContent
	MAC     pfxMAC
}

type pfxContent struct {
	Type    asn1.ObjectIdentifier
	Content asn1.RawValue
}

type pfxMAC struct {
	Digest     pfxDigest
	Salt       []byte
	Iterations int
}

type pfxDigest struct {
	Algorithm pkix.AlgorithmIdentifier
	Digest    []byte
}

type pfxBag struct {
	Type       asn1.ObjectIdentifier
	Value      asn1.RawValue
	Attributes []pfxAttribute `asn1:"set"`
}

type pfxAttribute struct {
	Type   asn1.ObjectIdentifier
	Values []asn1.RawValue `asn1:"set"`
}

type pfxCert struct {
	Type asn1.ObjectIdentifier
	Cert asn1.RawValue
}

type pfxKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Encrypted []byte
}

type pfxParameters struct {
	Salt       []byte
	Iterations int
}

// der marshals values and keeps the first error.
type der struct{ err error }

func (d *der) marshal(v any) []byte {
	data, err := asn1.Marshal(v)
	if err != nil && d.err == nil {
		d.err = err
	}
	return data
}

// explicit wraps a value in the tag [0]; bytes become an octet string.
func (d *der) explicit(v any) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: d.marshal(v)}
}

func encrypt3DES(data []byte, password string, salt []byte) []byte {
	block, err := des.NewTripleDESCipher(pfxKDF(password, salt, 1, 24))
	if err != nil {
		panic(err) // 24 is a valid key size
	}
	pad := block.BlockSize() - len(data)%block.BlockSize()
	for range pad {
		data = append(data[:len(data):len(data)], byte(pad))
	}
	out := make([]byte, len(data))
	cipher.NewCBCEncrypter(block, pfxKDF(password, salt, 2, block.BlockSize())).CryptBlocks(out, data)
	return out
}

// pfxKDF is the key derivation of RFC 7292, appendix B.2, with SHA-1. The purpose is 1
// for a key, 2 for an initialization vector, 3 for a MAC key.
func pfxKDF(password string, salt []byte, purpose byte, size int) []byte {
	const v = sha1.BlockSize
	var secret []byte
	for _, unit := range append(utf16.Encode([]rune(password)), 0) {
		secret = append(secret, byte(unit>>8), byte(unit))
	}
	diversifier := make([]byte, v)
	for i := range diversifier {
		diversifier[i] = purpose
	}
	input := append(stretch(salt, v), stretch(secret, v)...)
	var out []byte
	one, modulus := big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), 8*v)
	for len(out) < size {
		a := sha1.Sum(append(diversifier[:v:v], input...))
		for range pfxIterations - 1 {
			a = sha1.Sum(a[:])
		}
		out = append(out, a[:]...)
		add := new(big.Int).SetBytes(stretch(a[:], v)[:v])
		add.Add(add, one)
		for i := 0; i < len(input); i += v {
			n := new(big.Int).SetBytes(input[i : i+v])
			n.Add(n, add).Mod(n, modulus).FillBytes(input[i : i+v])
		}
	}
	return out[:size]
}

// stretch repeats data to fill a whole number of blocks.
func stretch(data []byte, block int) []byte {
	size := (len(data) + block - 1) / block * block
	out := make([]byte, size)
	for i := range out {
		out[i] = data[i%len(data)]
	}
	return out
}
