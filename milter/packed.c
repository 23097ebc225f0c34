#include "packed.h"

#include <stdint.h>
#include <string.h>

static void
add_head(struct str *out, enum packed_type type, size_t n)
{
	uint32_t count = (uint32_t)n;

	str_addc(out, (char)type);
	str_add(out, &count, sizeof count);
}

static void
add_text(struct str *out, const char *text, size_t len)
{
	add_head(out, PACKED_STRING, len);
	str_add(out, text, len);
}

static void
add_object(struct str *out, json_t *value)
{
	add_head(out, PACKED_OBJECT, json_object_size(value));
	for (void *it = json_object_iter(value); it != NULL;
	     it = json_object_iter_next(value, it)) {
		add_text(out, json_object_iter_key(it),
		    json_object_iter_key_len(it));
		packed_add(out, json_object_iter_value(it));
	}
}

void
packed_add(struct str *out, const json_t *value)
{
	double number;

	switch (json_typeof(value)) {
	case JSON_OBJECT:
		add_object(out, (json_t *)value);
		break;
	case JSON_ARRAY:
		add_head(out, PACKED_ARRAY, json_array_size(value));
		for (size_t i = 0; i < json_array_size(value); i++)
			packed_add(out, json_array_get(value, i));
		break;
	case JSON_STRING:
		add_text(
		    out, json_string_value(value), json_string_length(value));
		break;
	case JSON_INTEGER:
	case JSON_REAL:
		number = json_number_value(value);
		str_addc(out, PACKED_NUMBER);
		str_add(out, &number, sizeof number);
		break;
	case JSON_TRUE:
		str_addc(out, PACKED_TRUE);
		break;
	case JSON_FALSE:
		str_addc(out, PACKED_FALSE);
		break;
	default:
		str_addc(out, PACKED_NULL);
		break;
	}
}

const char *
packed_read(const char *p, struct packed *value)
{
	uint32_t count;

	*value = (struct packed){ .type = (enum packed_type) * p++ };
	switch (value->type) {
	case PACKED_NUMBER:
		memcpy(&value->number, p, sizeof value->number);
		return p + sizeof value->number;
	case PACKED_STRING:
	case PACKED_ARRAY:
	case PACKED_OBJECT:
		memcpy(&count, p, sizeof count);
		p += sizeof count;
		value->n = count;
		if (value->type != PACKED_STRING)
			return p;
		value->text = p;
		return p + count;
	default:
		return p;
	}
}
