#include "privilege.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

int
privilege_find(struct privilege *p, const char *user, struct err *err)
{
	const struct passwd *pw;

	*p = (struct privilege){ .uid = (uid_t)-1, .gid = (gid_t)-1 };
	if (geteuid() != 0) {
		if (user == NULL)
			return 0;
		pw = getpwnam(user);
		if (pw != NULL && pw->pw_uid == geteuid())
			return 0;
		return err_set(
		    err, "--user %s: only root can change user", user);
	}
	pw = getpwnam(user != NULL ? user : PRIVILEGE_USER);
	if (pw == NULL && user == NULL)
		return err_set(err,
		    "started as root and there is no user " PRIVILEGE_USER
		    ": name one that owns nothing with --user (policies do "
		    "not run as root unless --user root says so)");
	if (pw == NULL)
		return err_set(err, "--user %s: no such user", user);
	if (pw->pw_uid == 0)
		return 0;
	p->uid = pw->pw_uid;
	p->gid = pw->pw_gid;
	p->user = user != NULL ? user : PRIVILEGE_USER;
	return 0;
}

int
privilege_drop(const struct privilege *p, struct err *err)
{
	if (p->uid == (uid_t)-1)
		return 0;
	if (initgroups(p->user, p->gid) != 0 || setgid(p->gid) != 0 ||
	    setuid(p->uid) != 0)
		return err_set(
		    err, "cannot become user %s: %s", p->user, strerror(errno));
	if (setuid(0) == 0)
		return err_set(err, "user %s can become root again", p->user);
	return 0;
}

int
privilege_group(const char *name, gid_t *gid, struct err *err)
{
	const struct group *gr = getgrnam(name);

	if (gr == NULL)
		return err_set(err, "--socket-group %s: no such group", name);
	*gid = gr->gr_gid;
	return 0;
}
